"""Reads the command line of its processes. Lock: seccomp (openat), Landlock."""

from tests.sandbox.attacks.arsenal import breach

with open("/proc/self/cmdline", "rb") as file:
    breach(repr(file.read(16)))
