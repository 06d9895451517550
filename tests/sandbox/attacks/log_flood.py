"""Writes without end. Lock: the supervisor counts while it reads."""

import os

from tests.sandbox.attacks.arsenal import breach

for _ in range(256):
    os.write(1, b"x" * 65536)
breach("16 MB written")
