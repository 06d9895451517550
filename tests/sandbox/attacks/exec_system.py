"""Starts a shell as C does. Lock: seccomp (clone, execve)."""

from tests.sandbox.attacks.arsenal import libc

if libc.system(b"echo BREACH system") != 0:
    raise OSError("no shell")
