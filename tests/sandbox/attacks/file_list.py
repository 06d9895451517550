"""Lists a directory. Lock: seccomp (openat, getdents), Landlock."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

breach(str(os.listdir(canary("directory"))))
