"""Slows another process down. Lock: seccomp (setpriority), own user id."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

os.setpriority(os.PRIO_PROCESS, canary("victim"), 19)
breach("slowed")
