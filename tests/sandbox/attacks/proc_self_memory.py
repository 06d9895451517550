"""Rewrites its own code through a file. Lock: seccomp (openat), Landlock."""

import os

from tests.sandbox.attacks.arsenal import breach

breach(str(os.open("/proc/self/mem", os.O_RDWR)))
