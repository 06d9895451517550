"""Lets itself be traced and dumped. Lock: seccomp (prctl)."""

from tests.sandbox.attacks.arsenal import breach, checked, libc

pr_set_dumpable = 4
checked(libc.prctl(pr_set_dumpable, 1, 0, 0, 0), "prctl")
breach("dumpable")
