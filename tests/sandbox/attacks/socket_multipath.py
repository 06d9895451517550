"""Connects by multipath TCP. Lock: seccomp (socket); Landlock does not stop it."""

import socket

from tests.sandbox.attacks.arsenal import breach, canary

ipproto_mptcp = 262
with socket.socket(socket.AF_INET, socket.SOCK_STREAM, ipproto_mptcp) as tcp:
    tcp.connect(("127.0.0.1", canary("tcp_port")))
    breach("connected")
