"""Opens another process's memory. Lock: seccomp, Landlock, own user id."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

breach(str(os.open(f"/proc/{canary('victim')}/mem", os.O_RDWR)))
