"""Takes memory of a new kind, which no list knew of. Lock: seccomp (mmap flags)."""

from tests.sandbox.attacks.arsenal import breach, checked, libc

map_droppable, anonymous, read_write = 0x08, 0x20, 3
checked(libc.mmap(None, 4096, read_write, map_droppable | anonymous, -1, 0), "mmap")
breach("droppable")
