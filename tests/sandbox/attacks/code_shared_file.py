"""Maps the same memory twice, once to write, once to run. Lock: seccomp (memfd)."""

import os

from tests.sandbox.attacks.arsenal import breach, checked, libc

fd = os.memfd_create("code")
os.ftruncate(fd, 4096)
checked(libc.mmap(None, 4096, 5, 1, fd, 0), "mmap")
breach("executable")
