"""Talks to a local service without a path. Lock: seccomp, Landlock scope."""

import socket

from tests.sandbox.attacks.arsenal import breach, canary

with socket.socket(socket.AF_UNIX) as local:
    local.connect("\0" + canary("abstract"))
    breach("connected")
