"""Gives a file away. Lock: seccomp (fchownat); Landlock does not stop it."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

os.chown(canary("owned"), os.getuid(), os.getgid())
breach("changed")
