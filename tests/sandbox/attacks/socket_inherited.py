"""Sends on whatever was left open. Lock: close_range, seccomp (sendto)."""

import socket

from tests.sandbox.attacks.arsenal import attempt, breach

for fd in range(0, 256):
    for _ in attempt(lambda fd=fd: socket.socket(fileno=fd).send(b"x")):
        breach(f"descriptor {fd}")
