"""Changes the processor's segments. Lock: seccomp (kills)."""

import ctypes

from tests.sandbox.attacks.arsenal import breach, call

call("modify_ldt", 0, ctypes.create_string_buffer(64), 64)
breach("read")
