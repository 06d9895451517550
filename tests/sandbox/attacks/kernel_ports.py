"""Asks for the machine's ports. Lock: seccomp (kills), capabilities."""

from tests.sandbox.attacks.arsenal import breach, call

call("ioperm", 0x80, 1, 1)
breach("a port")
