"""Uses the futexes that exploits like. Lock: seccomp (futex operations)."""

import ctypes

from tests.sandbox.attacks.arsenal import breach, call

lock_pi, private = 6, 128
word = ctypes.c_int(0)
call("futex", ctypes.byref(word), lock_pi | private, 0, 0, 0, 0)
breach("locked")
