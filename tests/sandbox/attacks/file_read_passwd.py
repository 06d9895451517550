"""Reads the list of accounts. Lock: seccomp (openat), Landlock."""

from tests.sandbox.attacks.arsenal import breach

with open("/etc/passwd") as file:
    breach(file.read(20))
