"""Reads where everything lies. Lock: seccomp (openat), not dumpable."""

from tests.sandbox.attacks.arsenal import breach

with open("/proc/self/maps") as file:
    breach(file.readline())
