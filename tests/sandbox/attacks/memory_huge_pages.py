"""Takes the machine's huge pages. Lock: seccomp (mmap flags)."""

from tests.sandbox.attacks.arsenal import breach, checked, libc

map_hugetlb, private_anonymous, read_write = 0x40000, 0x22, 3
size = 2 << 20
checked(libc.mmap(None, size, read_write, private_anonymous | map_hugetlb, -1, 0), "mmap")
breach("a huge page")
