"""Ties another process to one processor. Lock: seccomp (sched_setaffinity)."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

os.sched_setaffinity(canary("victim"), {0})
breach("tied")
