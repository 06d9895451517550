"""Grows a map after it was made. Lock: RLIMIT_AS."""

from tests.sandbox.attacks.arsenal import breach, call, checked, libc

read_write, private_anonymous, may_move = 3, 0x22, 1
address = checked(libc.mmap(None, 4096, read_write, private_anonymous, -1, 0), "mmap")
call("mremap", address, 4096, 512 << 20, may_move, 0)
breach("half a gigabyte")
