"""Keeps memory in pipe buffers. Lock: seccomp (pipe2), RLIMIT_NOFILE."""

import os

from tests.sandbox.attacks.arsenal import breach

breach(str(os.pipe()))
