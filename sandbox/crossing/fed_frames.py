"""What a child that is fed reads and answers, for both sides of its pipes.

`cuts` and `tried` read COUNT, that many opening instants, and then pieces: PIECE, its bars column
by column, its settlements' times and rates. `blind` reads a row of numbers a bar (see
`engine.run.blind`), and behind it the rates that settle in the bar; it answers each with a frame of
the cells of the bar's order calls (see `engine.run.handover`).
"""

from __future__ import annotations

import struct

from sandbox.crossing import wire

COUNT = struct.Struct("<q")
# The cut, what to make its future from, how many further bars, how many further settlements.
PIECE = struct.Struct("<qQqq")
DIGEST_BYTES = 16


QUIET = wire.HEADER.pack(0, wire.Frame.BAR)  # the answer to a bar: no order calls
