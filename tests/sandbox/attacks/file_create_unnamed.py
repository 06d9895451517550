"""Creates a file without a name. Lock: seccomp (openat), Landlock."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

breach(str(os.open(canary("directory"), os.O_TMPFILE | os.O_RDWR)))
