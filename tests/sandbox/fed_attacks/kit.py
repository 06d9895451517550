"""What the programs here share: the frames of an honest child, and a look at what it was fed.

Imported before the fork, because inside nothing can be.
"""

from __future__ import annotations

import json
import os
import struct

FEED, RESULT = 4, 3
ROW_BYTES = 48  # an opening instant, four prices, a volume
DECLARED, ERROR, FINAL, HELLO, BAR = 13, 6, 8, 1, 12
rows = 0  # that were read so far
answers = 0  # that were written so far


def frame(kind: int, payload: bytes = b"") -> bytes:
    return struct.pack("<IB", len(payload), kind) + payload


QUIET = frame(BAR)


def declare() -> None:
    """As an honest child begins."""
    os.write(RESULT, frame(DECLARED, json.dumps({"indicators": [], "guessed": False}).encode()))


def look(fd: int = FEED, size: int = 1 << 16) -> bytes:
    """Read what there is; a breach when it is more than what was answered for."""
    global rows
    data = os.read(fd, size)
    rows += len(data) / ROW_BYTES
    if rows > answers + 1:
        print(f"BREACH: {rows} bars after {answers} answers", flush=True)
    return data


def answer(data: bytes = QUIET) -> None:
    global answers
    os.write(RESULT, data)
    answers += 1


def begin() -> None:
    """Up to where the first bar is there, and unanswered."""
    declare()
    if len(look()) != ROW_BYTES:
        print("BREACH: not one bar", flush=True)
