"""Waits for somebody to connect. Lock: seccomp (socket); Landlock half."""

import socket

from tests.sandbox.attacks.arsenal import breach

with socket.socket(socket.AF_INET) as tcp:
    tcp.listen()
    breach("listening")
