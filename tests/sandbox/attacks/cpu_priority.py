"""Runs before the others. Lock: seccomp (setpriority), RLIMIT_NICE."""

import os

from tests.sandbox.attacks.arsenal import breach

os.nice(0)
os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0))
breach("set")
