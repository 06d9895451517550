"""Appends to a file. Lock: seccomp (openat), Landlock, RLIMIT_FSIZE."""

from tests.sandbox.attacks.arsenal import breach, canary

with open(canary("writable"), "a") as file:
    file.write("x")
breach("appended")
