"""Grows the heap by hand. Lock: RLIMIT_AS."""

from tests.sandbox.attacks.arsenal import breach, checked, libc

for _ in range(8):
    checked(libc.sbrk(64 << 20), "sbrk")
breach("half a gigabyte")
