"""What a child that is fed reads and answers, for both sides of its pipes.

`cuts` and `tried` read COUNT, that many opening instants, and then pieces: PIECE, its bars column
by column, its settlements' times and rates. `blind` reads a `record` a bar.
"""

from __future__ import annotations

import struct

from sandbox import wire

COUNT = struct.Struct("<q")
# The cut, what to make its future from, how many further bars, how many further settlements.
PIECE = struct.Struct("<qQqq")
DIGEST_BYTES = 16
# The newest rate that settled until the bar's close, and how many rates settled in the bar.
FUNDING = struct.Struct("<dq")


def record(n_values: int, *, funding: bool) -> struct.Struct:
    """One bar: time, prices, volume, indicators' values; with funding FUNDING, then the rates."""
    return struct.Struct(f"<q{5 + n_values}d{'dq' if funding else ''}")


def bar_frame(rows: bytes) -> bytes:
    """The answer to a bar: the rows of its order calls, as many as there are."""
    return wire.HEADER.pack(len(rows), wire.Frame.BAR) + rows
