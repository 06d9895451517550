"""Writes another process's memory. Lock: seccomp (kills), Landlock."""

import ctypes
import struct

from tests.sandbox.attacks.arsenal import breach, call, canary

here = ctypes.create_string_buffer(b"overdone")
local = struct.pack("=QQ", ctypes.addressof(here), 8)
remote = struct.pack("=QQ", canary("victim_address"), 8)
call("process_vm_writev", canary("victim"), local, 1, remote, 1, 0)
breach("written")
