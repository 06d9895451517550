"""Lists the fork server's descriptors. Lock: seccomp, Landlock."""

import os

from tests.sandbox.attacks.arsenal import breach

breach(str(os.listdir(f"/proc/{os.getppid()}/fd")))
