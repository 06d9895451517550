"""Watches what others do with their files. Lock: seccomp (inotify_init1)."""

from tests.sandbox.attacks.arsenal import breach, call

call("inotify_init1", 0)
breach("watching")
