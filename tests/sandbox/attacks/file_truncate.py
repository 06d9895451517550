"""Empties a file. Lock: seccomp (truncate), Landlock."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

os.truncate(canary("writable"), 0)
breach("truncated")
