"""Learns whether a file exists. Lock: seccomp (access, faccessat)."""

import os

from tests.sandbox.attacks.arsenal import breach, canary

if os.access(canary("secret"), os.F_OK):
    breach("it exists")
