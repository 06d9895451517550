"""Claims an end that says nothing about it. Lock: what is not finished has not passed."""

import json
import struct

from tests.sandbox.fed_attacks.kit import ERROR, FINAL, answer, begin, frame

begin()
answer(
    frame(ERROR, json.dumps({"kind": "timeout", "message": ""}).encode())
    + frame(FINAL, struct.pack("<qqq", 50, 0, 0))
)
