"""Reads the service's own files. Lock: seccomp (openat), Landlock."""

from tests.sandbox.attacks.arsenal import breach, canary

with open(canary("project") + "/pyproject.toml") as file:
    breach(file.read(20))
