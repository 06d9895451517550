"""Watches the whole machine. Lock: seccomp (fanotify_init)."""

from tests.sandbox.attacks.arsenal import breach, call

call("fanotify_init", 0x200, 0)
breach("watching")
