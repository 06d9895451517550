"""Maps memory to write code into. Lock: seccomp (mmap PROT_EXEC)."""

from tests.sandbox.attacks.arsenal import breach, checked, libc

checked(libc.mmap(None, 4096, 7, 0x22, -1, 0), "mmap")
breach("RWX")
