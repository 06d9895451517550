"""Becomes another program. Lock: seccomp (execve), Landlock."""

import os

os.execv("/bin/sh", ["sh", "-c", "echo BREACH executed"])
