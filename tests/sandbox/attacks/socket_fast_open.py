"""Connects by sending. Lock: seccomp (socket); Landlock does not stop it."""

import socket

from tests.sandbox.attacks.arsenal import breach, canary

with socket.socket(socket.AF_INET) as tcp:
    tcp.sendto(b"x", socket.MSG_FASTOPEN, ("127.0.0.1", canary("tcp_port")))
    breach("connected")
