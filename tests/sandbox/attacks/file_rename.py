"""Moves a file. Lock: seccomp (rename), Landlock."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

os.rename(canary("owned"), canary("directory") + "/moved")
breach("moved")
