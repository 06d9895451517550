"""Mounts over the world. Lock: seccomp (kills), capabilities."""

from tests.sandbox.attacks.arsenal import breach, call, canary, libc

directory = canary("directory").encode()
call("mount", b"canary", directory, b"tmpfs", 0, 0)
breach("mounted")
libc.umount2(directory, 2)
