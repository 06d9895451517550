"""Pins pages that others need. Lock: seccomp (mlock), RLIMIT_MEMLOCK."""

import ctypes

from tests.sandbox.attacks.arsenal import breach, checked, libc

address = checked(libc.mmap(None, 4096, 3, 0x22, -1, 0), "mmap")
checked(libc.mlock(ctypes.c_void_p(address), 4096), "mlock")
breach("pinned")
