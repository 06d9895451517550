"""Writes to whatever was left open. Lock: close_range, seccomp (write)."""

import os

from tests.sandbox.attacks.arsenal import attempt, breach

for fd in (0, *range(4, 1024)):
    for _ in attempt(lambda fd=fd: os.write(fd, b"x"), lambda fd=fd: os.writev(fd, [b"x"])):
        breach(f"descriptor {fd}")
