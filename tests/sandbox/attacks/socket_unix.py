"""Talks to a local service, as docker.sock is one. Lock: seccomp (socket)."""

import socket

from tests.sandbox.attacks.arsenal import breach, canary

with socket.socket(socket.AF_UNIX) as local:
    local.connect(canary("unix_path"))
    breach("connected")
