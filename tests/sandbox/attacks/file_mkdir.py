"""Makes a directory. Lock: seccomp (mkdir), Landlock."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

os.mkdir(canary("directory") + "/made")
breach("made")
