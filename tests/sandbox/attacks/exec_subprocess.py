"""Starts a program as Python does. Lock: seccomp (clone, execve, pipe2)."""

import subprocess

from tests.sandbox.attacks.arsenal import breach

breach(subprocess.run(["/bin/echo", "x"], capture_output=True, check=True).stdout.decode())
