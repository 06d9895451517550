"""Takes capabilities. Lock: seccomp (capset), no_new_privs, own user id."""

import ctypes
import struct

from tests.sandbox.attacks.arsenal import breach, call

header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
call("capset", header, ctypes.create_string_buffer(24))
breach("set")
