"""Signals the fork server. Lock: seccomp (kill), Landlock scope."""

import os

from tests.sandbox.attacks.arsenal import breach

os.kill(os.getppid(), 0)
breach("it could be signalled")
