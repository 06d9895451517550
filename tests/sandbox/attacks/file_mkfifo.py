"""Makes a pipe for others to hang on. Lock: seccomp (mknodat), Landlock."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

os.mkfifo(canary("directory") + "/fifo")
breach("made")
