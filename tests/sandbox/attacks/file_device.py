"""Opens devices. Lock: seccomp (openat), Landlock."""

import os

from tests.sandbox.attacks.arsenal import attempt, breach

for fd in attempt(*[lambda p=p: os.open(p, os.O_RDWR) for p in ("/dev/zero", "/dev/null")]):
    breach(f"descriptor {fd}")
