"""The control: answers as the run did, and gets all its bars."""

import os
import struct

from tests.sandbox.fed_attacks.kit import FINAL, RESULT, answer, begin, frame, look

begin()
answer()
seen = 1
while look():
    seen += 1
    answer()
print(f"bars: {seen}", flush=True)
os.write(RESULT, frame(FINAL, struct.pack("<qqq", seen, 0, 0)))
