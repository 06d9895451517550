"""Chooses its processor. Lock: seccomp (sched_setaffinity)."""

import os

from tests.sandbox.attacks.arsenal import breach

os.sched_setaffinity(0, {0})
breach("chosen")
