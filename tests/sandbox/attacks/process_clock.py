"""Watches how another process computes, by its clock. Lock: seccomp (clock_gettime arguments)."""

import ctypes

from tests.sandbox.attacks.arsenal import attempt, breach, call, canary

processor_clock = 2
clock = (~canary("victim") << 3) | processor_clock
spec = ctypes.create_string_buffer(16)
for _ in attempt(lambda: call("clock_gettime", clock, spec)):
    breach("another process's clock")
