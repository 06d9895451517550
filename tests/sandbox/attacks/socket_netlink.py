"""Asks the kernel for its networks. Lock: seccomp (socket)."""

import socket

from tests.sandbox.attacks.arsenal import breach

with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0):
    breach("a socket")
