"""Signals a whole group. Lock: seccomp (kill), Landlock scope."""

import os
import signal

from tests.sandbox.attacks.arsenal import breach, canary

os.killpg(canary("victim"), signal.SIGUSR1)
breach("sent")
