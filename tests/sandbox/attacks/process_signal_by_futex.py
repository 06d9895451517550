"""Calls another tenant through memory that both may read. Lock: seccomp (futex operations)."""

import ctypes

from tests.sandbox.attacks.arsenal import breach, call

wake_shared = 1
word = ctypes.c_int(0)
call("futex", ctypes.byref(word), wake_shared, 1, 0, 0, 0)
breach("a call to whoever shares the page")
