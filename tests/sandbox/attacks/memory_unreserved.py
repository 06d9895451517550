"""Maps a terabyte that it promises not to use. Lock: RLIMIT_AS."""

from tests.sandbox.attacks.arsenal import breach, checked, libc

map_noreserve, private_anonymous, read_write = 0x4000, 0x22, 3
checked(libc.mmap(None, 1 << 40, read_write, private_anonymous | map_noreserve, -1, 0), "mmap")
breach("a terabyte")
