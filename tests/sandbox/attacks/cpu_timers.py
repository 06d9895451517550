"""Fills the queue of signals. Lock: seccomp (timer_create), RLIMIT_SIGPENDING."""

import ctypes

from tests.sandbox.attacks.arsenal import breach, call

timer = ctypes.c_int()
call("timer_create", 1, 0, ctypes.byref(timer))
breach("a timer")
