"""Says after one bar that all are done. Lock: answers are compared to the byte."""

import struct

from tests.sandbox.fed_attacks.kit import FINAL, answer, begin, frame

begin()
answer(frame(FINAL, struct.pack("<qqq", 50, 0, 0)))
