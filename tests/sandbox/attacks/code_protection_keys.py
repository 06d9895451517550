"""The same by another call. Lock: seccomp (pkey_mprotect)."""

from tests.sandbox.attacks.arsenal import breach, call, checked, libc

address = checked(libc.mmap(None, 4096, 3, 0x22, -1, 0), "mmap")
call("pkey_mprotect", address, 4096, 5, -1)
breach("executable")
