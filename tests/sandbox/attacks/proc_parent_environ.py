"""Reads the environment of the process that made it. Lock: seccomp, Landlock."""

import os

from tests.sandbox.attacks.arsenal import breach

with open(f"/proc/{os.getppid()}/environ", "rb") as file:
    breach(repr(file.read(10)))
