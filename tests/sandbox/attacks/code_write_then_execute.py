"""Writes code first and makes it executable later. Lock: seccomp (mprotect)."""

import ctypes

from tests.sandbox.attacks.arsenal import breach, checked, libc

address = checked(libc.mmap(None, 4096, 3, 0x22, -1, 0), "mmap")
checked(libc.mprotect(ctypes.c_void_p(address), 4096, 5), "mprotect")
breach("executable")
