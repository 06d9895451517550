"""Copies the service's database. Lock: seccomp (openat), Landlock."""

from tests.sandbox.attacks.arsenal import breach, canary

with open(canary("database"), "rb") as file:
    breach(repr(file.read(16)))
