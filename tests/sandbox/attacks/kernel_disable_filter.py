"""Takes the filter off. Lock: seccomp (prctl, seccomp)."""

from tests.sandbox.attacks.arsenal import attempt, breach, checked, libc

pr_set_no_new_privs, pr_set_seccomp = 38, 22
for _ in attempt(
    lambda: checked(libc.prctl(pr_set_no_new_privs, 1, 0, 0, 0), "prctl"),
    lambda: checked(libc.prctl(pr_set_seccomp, 0, 0, 0, 0), "prctl"),
):
    breach("prctl answers")
