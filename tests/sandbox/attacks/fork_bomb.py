"""Starts processes without end, here eight. Lock: seccomp (clone), RLIMIT_NPROC."""

import os

from tests.sandbox.attacks.arsenal import breach

for _ in range(8):
    if os.fork() == 0:
        os._exit(0)
breach("eight processes")
