"""Writes code where a library keeps functions for C. Lock: sealed before the fork; seccomp."""

import ctypes
import platform
import sys

from tests.sandbox.attacks.arsenal import breach

RETURNS_42 = {"x86_64": "b82a000000c3", "aarch64": "40058052c0035fd6"}[platform.machine()]
Function = ctypes.CFUNCTYPE(ctypes.c_int)

clock = sys.modules.get("sandbox.runtime.borrowed_clock")
inherited = list(clock._lent) if clock else []
if not inherited:
    made = Function(lambda: 0)
    inherited = [ctypes.cast(made, ctypes.c_void_p).value]
for address in inherited:
    ctypes.memmove(address, bytes.fromhex(RETURNS_42), len(RETURNS_42) // 2)
    if Function(address)() == 42:
        breach("code of its own")
