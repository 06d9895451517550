"""Hides data beside a file. Lock: seccomp (setxattr); Landlock does not stop it."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

os.setxattr(canary("owned"), "user.canary", b"x")
breach("changed")
