"""Starts a program beside it. Lock: seccomp (clone, execve)."""

import os

os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", "echo BREACH spawned"], {}), 0)
