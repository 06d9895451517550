"""Connects by IPv6. Lock: seccomp (socket), Landlock."""

import socket

from tests.sandbox.attacks.arsenal import breach

with socket.socket(socket.AF_INET6):
    breach("a socket")
