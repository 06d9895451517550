"""Forges a file's times. Lock: seccomp (utimensat); Landlock does not stop it."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

os.utime(canary("owned"), (0, 0))
breach("changed")
