"""Sends a datagram. Lock: seccomp (socket); Landlock does not stop it."""

import socket

from tests.sandbox.attacks.arsenal import breach, canary

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
    udp.sendto(b"x", ("127.0.0.1", canary("udp_port")))
    breach("sent")
