"""Walks into a directory. Lock: seccomp (chdir)."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

os.chdir(canary("directory"))
breach("inside")
