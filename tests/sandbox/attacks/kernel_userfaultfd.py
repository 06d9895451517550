"""Stops the kernel inside a page fault. Lock: seccomp (kills)."""

from tests.sandbox.attacks.arsenal import breach, call

user_mode_only = 1
breach(str(call("userfaultfd", user_mode_only)))
