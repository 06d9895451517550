"""Measures others by the processor's counters. Lock: seccomp (kills)."""

import ctypes
import struct

from tests.sandbox.attacks.arsenal import breach, call

software, task_clock, size = 1, 1, 128
exclude_kernel = 1 << 5
head = struct.pack("=IIQQQQQ", software, size, task_clock, 0, 0, 0, exclude_kernel)
attributes = ctypes.create_string_buffer(head + bytes(size - len(head)))
breach(str(call("perf_event_open", attributes, 0, -1, -1, 0)))
