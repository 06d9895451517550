"""Reaches the kernel's cryptography. Lock: seccomp (socket)."""

import socket

from tests.sandbox.attacks.arsenal import breach

with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET):
    breach("a socket")
