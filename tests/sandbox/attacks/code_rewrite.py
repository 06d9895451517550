"""Rewrites code that is there. Lock: seccomp (mprotect PROT_EXEC)."""

import ctypes

from tests.sandbox.attacks.arsenal import breach, checked, libc

page = ctypes.cast(libc.lcong48, ctypes.c_void_p).value & ~4095
checked(libc.mprotect(ctypes.c_void_p(page), 4096, 7), "mprotect")
breach("code can be written")
