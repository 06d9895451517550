"""Starts a second process. Lock: seccomp (clone), RLIMIT_NPROC."""

import os

from tests.sandbox.attacks.arsenal import breach

if os.fork() == 0:
    os._exit(0)
breach("forked")
