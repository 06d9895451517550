"""Loads a program into the kernel. Lock: seccomp (kills)."""

import ctypes
import struct

from tests.sandbox.attacks.arsenal import breach, call

bpf_map_create = 0
attributes = ctypes.create_string_buffer(struct.pack("=IIII", 2, 4, 4, 1) + bytes(112))
breach(str(call("bpf", bpf_map_create, attributes, 128)))
