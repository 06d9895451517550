"""Fills the disk, here 16 MB. Lock: seccomp (openat), RLIMIT_FSIZE."""

from tests.sandbox.attacks.arsenal import breach, canary

with open(canary("directory") + "/filled", "wb") as file:
    file.write(bytes(16 << 20))
breach("filled")
