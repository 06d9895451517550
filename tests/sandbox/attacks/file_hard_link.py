"""Gives a file a second name. Lock: seccomp (linkat), Landlock."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

os.link(canary("writable"), canary("directory") + "/linked")
breach("linked")
