"""Pins pages by a flag. Lock: seccomp (mmap flags), RLIMIT_MEMLOCK."""

from tests.sandbox.attacks.arsenal import breach, checked, libc

map_locked, private_anonymous, read_write = 0x2000, 0x22, 3
checked(libc.mmap(None, 4096, read_write, private_anonymous | map_locked, -1, 0), "mmap")
breach("pinned")
