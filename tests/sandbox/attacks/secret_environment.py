"""Reads the service's environment. Lock: the fork server's is constructed."""

import ctypes
import os

from tests.sandbox.attacks.arsenal import breach, libc

libc.getenv.restype = ctypes.c_char_p
for found in (os.environ.get("SANDTABLE_CANARY"), libc.getenv(b"SANDTABLE_CANARY")):
    if found:
        breach(str(found))
