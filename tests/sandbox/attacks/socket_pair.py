"""Makes a channel that could carry descriptors. Lock: seccomp (socketpair)."""

import socket

from tests.sandbox.attacks.arsenal import breach

breach(str(socket.socketpair()))
