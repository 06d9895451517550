"""The same by another call. Lock: seccomp (statx)."""

import ctypes

from tests.sandbox.attacks.arsenal import AT_FDCWD, breach, call, canary

buffer = ctypes.create_string_buffer(256)
call("statx", AT_FDCWD, canary("secret").encode(), 0, 0xFFF, buffer)
breach("statx")
