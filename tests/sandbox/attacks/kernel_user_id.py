"""Becomes somebody else. Lock: seccomp (setuid), own user id."""

import os

from tests.sandbox.attacks.arsenal import breach

os.setresuid(os.getuid(), os.getuid(), os.getuid())
breach("set")
