"""Asks for a name's address. Lock: seccomp (openat, socket)."""

import socket

from tests.sandbox.attacks.arsenal import breach

breach(str(socket.getaddrinfo("localhost", 80)[0]))
