"""Takes off what makes it die with the fork server. Lock: seccomp (prctl)."""

from tests.sandbox.attacks.arsenal import breach, checked, libc

pr_set_pdeathsig = 1
checked(libc.prctl(pr_set_pdeathsig, 0, 0, 0, 0), "prctl")
breach("it would live on")
