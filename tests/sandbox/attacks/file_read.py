"""Reads another tenant's file. Lock: seccomp (openat), Landlock, own user id."""

from tests.sandbox.attacks.arsenal import breach, canary

with open(canary("secret")) as file:
    breach(file.read())
