"""Ends another process. Lock: seccomp (kill), Landlock scope, own user id."""

import os
import signal

from tests.sandbox.attacks.arsenal import breach, canary

os.kill(canary("victim"), signal.SIGUSR1)
breach("sent")
