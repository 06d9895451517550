"""Reaches the hypervisor. Lock: seccomp (socket)."""

import socket

from tests.sandbox.attacks.arsenal import breach

with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM):
    breach("a socket")
