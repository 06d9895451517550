"""Reads whatever was left open. Lock: close_range, seccomp (read)."""

import os

from tests.sandbox.attacks.arsenal import attempt, breach

for fd in range(4, 1024):
    for data in attempt(lambda fd=fd: os.pread(fd, 1, 0), lambda fd=fd: os.fstat(fd)):
        breach(f"descriptor {fd}: {data!r}")
