"""Connects to the service. Lock: seccomp (socket), Landlock."""

import socket

from tests.sandbox.attacks.arsenal import breach, canary

with socket.socket(socket.AF_INET) as tcp:
    tcp.connect(("127.0.0.1", canary("tcp_port")))
    breach("connected")
