"""Computes without end inside C. Lock: RLIMIT_CPU, wall clock."""

import hashlib
import time

from tests.sandbox.attacks.arsenal import breach, canary

while time.process_time() < canary("too_long_s"):
    hashlib.pbkdf2_hmac("sha256", b"x", b"y", 1_000_000)
breach("more time than it may")
