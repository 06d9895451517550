"""Opens a file handle found elsewhere. Lock: seccomp (kills), capabilities."""

import ctypes
import os
import struct

from tests.sandbox.attacks.arsenal import AT_FDCWD, attempt, breach, call, canary

handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0) + bytes(128))
mount = ctypes.c_int()
path = canary("secret").encode()
attempt(lambda: call("name_to_handle_at", AT_FDCWD, path, handle, ctypes.byref(mount), 0))
fd = os.open(canary("directory"), os.O_RDONLY) if not canary("in_room") else 1
breach(str(call("open_by_handle_at", fd, handle, 0)))
