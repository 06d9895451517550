"""Signals with a payload. Lock: seccomp (rt_sigqueueinfo)."""

import ctypes
import os
import signal
import struct

from tests.sandbox.attacks.arsenal import breach, call, canary

si_queue = -1
info = struct.pack("=iiiiii", int(signal.SIGUSR1), 0, si_queue, 0, os.getpid(), os.getuid())
buffer = ctypes.create_string_buffer(info + bytes(128 - len(info)))
call("rt_sigqueueinfo", canary("victim"), int(signal.SIGUSR1), buffer)
breach("sent")
