"""Writes by another call than write. Lock: seccomp (pwrite64, splice, vmsplice)."""

import ctypes
import struct

from tests.sandbox.attacks.arsenal import attempt, breach, call, canary

text = ctypes.create_string_buffer(b"x" * 8)
vector = struct.pack("=QQ", ctypes.addressof(text), 8)
for number in attempt(lambda: call("vmsplice", canary("pipe"), vector, 1, 0)):
    breach(f"vmsplice {number}")
