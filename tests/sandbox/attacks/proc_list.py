"""Lists the machine's processes. Lock: seccomp (getdents), Landlock."""

import os

from tests.sandbox.attacks.arsenal import breach

breach(str([name for name in os.listdir("/proc") if name.isdigit()][:3]))
