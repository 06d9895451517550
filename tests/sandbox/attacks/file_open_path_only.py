"""Gets a handle on a directory without reading it. Lock: seccomp (openat)."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

breach(str(os.open(canary("directory"), os.O_PATH)))
