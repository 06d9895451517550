"""Bars that are handed over a pipe one by one, and their answers: the hot path of a blind run.

A bar costs each side one write and one read. A bar in which funding settles goes back to the
caller.
"""

from __future__ import annotations

from typing import Any

from engine.account.broker import Broker
from engine.account.growing_table import Table
from engine.run import pipes
from engine.run.bar import pass_bar

# Why `take_bars` came back: the feed is over; the bars before `stop` are done; the newest bar was
# read, and the caller must pass and answer it.
ENDED, DONE, SETTLES = range(3)
LENGTH_BYTES = 4


def take_bars(
    b: Broker,
    strategy: Any,
    run: Any,
    stop: int,
    rows: memoryview,
    cells: memoryview,
    times: memoryview,
    settles_at: int,
    feed_fd: int,
    result_fd: int,
    quiet: bytes,
) -> int:
    """Read bars below number `stop` into their rows, pass each, and write its `answer`.

    The next is `run.bars_done`. `rows` are the bytes of the table, `cells` (rows, columns) its
    numbers: time, prices, volume and more; `times` its first column. Where the number in column
    `settles_at`, if that is not 0, is not 0 the bar is left to the caller. Raises EOFError when
    the feed ends inside a row, and what the strategy raises.
    """
    size = len(rows) // len(cells)
    symbol = run.bars.symbol
    sent = b.calls.count
    index = run.bars_done
    while index < stop:
        count = pipes.read_into(feed_fd, rows, index * size, size)
        if count != size:
            if count:
                raise EOFError("the feed ended inside a bar")
            return ENDED
        if settles_at and cells[index, settles_at] != 0.0:
            return SETTLES
        pass_bar(
            b, strategy, symbol, index, times[index], cells[index, 1], cells[index, 2],
            cells[index, 3], cells[index, 4], cells[index, 5],
        )  # fmt: skip
        index += 1
        run.bars_done = index
        if b.calls.count == sent:
            pipes.write(result_fd, quiet)
        else:
            pipes.write(result_fd, answer(b.calls, sent, quiet))
            sent = b.calls.count
    return DONE


def answer(calls: Table, sent: int, quiet: bytes) -> bytes:
    """The frame with the order calls from number `sent` on, as the cells of their table.

    `quiet` is the frame without any: LENGTH_BYTES of a length that is 0, and what kind it is.
    """
    cells = calls.packed(sent)
    return len(cells).to_bytes(LENGTH_BYTES, "little") + quiet[LENGTH_BYTES:] + cells


def hand_in(
    feed_fd: int,
    result_fd: int,
    pieces: memoryview,
    piece_offsets: memoryview,
    answers: memoryview,
    answer_offsets: memoryview,
    start: int,
    stop: int,
) -> tuple[int, bytes]:
    """The other end: see `pipes.exchange`."""
    return pipes.exchange(
        feed_fd, result_fd, pieces, piece_offsets, answers, answer_offsets, start, stop
    )
