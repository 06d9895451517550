"""Opens by every raw call there is. Lock: seccomp (open, openat, openat2)."""

import ctypes
import struct

from tests.sandbox.attacks.arsenal import AT_FDCWD, attempt, breach, call, canary

path = canary("secret").encode()
how = ctypes.create_string_buffer(struct.pack("=QQQ", 0, 0, 0))
for fd in attempt(
    lambda: call("open", path, 0, 0),
    lambda: call("openat", AT_FDCWD, path, 0, 0),
    lambda: call("openat2", AT_FDCWD, path, how, 24),
):
    breach(f"descriptor {fd}")
