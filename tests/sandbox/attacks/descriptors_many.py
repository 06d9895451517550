"""Takes every descriptor. Lock: seccomp (dup), RLIMIT_NOFILE."""

import os

from tests.sandbox.attacks.arsenal import breach

for _ in range(64):
    os.dup(1)
breach("64 descriptors")
