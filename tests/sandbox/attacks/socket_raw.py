"""Reads the network's traffic. Lock: seccomp (socket), capabilities."""

import socket

from tests.sandbox.attacks.arsenal import breach

with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0):
    breach("a socket")
