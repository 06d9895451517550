"""Says that four gigabytes follow, and floods. Lock: no more is read than an answer may have."""

import os
import struct

from tests.sandbox.fed_attacks.kit import BAR, RESULT, begin, look

begin()
os.write(RESULT, struct.pack("<IB", 0xFFFFFFFF, BAR))
for _ in range(1000):
    os.write(RESULT, bytes(1 << 16))
look()
