"""Opens by file handle, past every path check. Lock: seccomp (name_to_handle_at)."""

import ctypes
import struct

from tests.sandbox.attacks.arsenal import AT_FDCWD, breach, call, canary

handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0) + bytes(128))
mount = ctypes.c_int()
call("name_to_handle_at", AT_FDCWD, canary("secret").encode(), handle, ctypes.byref(mount), 0)
breach("a handle")
