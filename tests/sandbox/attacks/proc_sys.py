"""Reads the kernel's settings. Lock: seccomp (openat), Landlock."""

from tests.sandbox.attacks.arsenal import breach

with open("/proc/sys/kernel/random/boot_id") as file:
    breach(file.read())
