"""Does system calls by a queue that no filter sees. Lock: seccomp (kills)."""

import ctypes

from tests.sandbox.attacks.arsenal import breach, call

breach(str(call("io_uring_setup", 4, ctypes.create_string_buffer(120))))
