"""Takes more memory than it may. Lock: RLIMIT_AS."""

from tests.sandbox.attacks.arsenal import breach

taken = bytearray(512 * 1024 * 1024)
breach(f"{len(taken)} bytes")
