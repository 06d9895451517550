"""Which timeframe the rows of a kline file have, whatever its name says.

Published klines carry their closing time, which gives each row's length. Files without it are
judged by the commonest step between their rows.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.bars import Times
from engine.enums import MINUTE_MS, Timeframe
from engine.history.careful_reader import broken, when
from server.ingest.binance_rows import Block

# Some sources close a bar at the next one's opening, some a second or a millisecond before it.
_ROUNDING_MS = 1000
# Lengths that bars are published in; a bar that an outage cut short has another one.
_LENGTHS_MIN = {
    1: "1m", 3: "3m", 5: "5m", 15: "15m", 30: "30m", 60: "1h", 120: "2h", 240: "4h", 360: "6h",
    480: "8h", 720: "12h", 1440: "1d", 4320: "3d", 10_080: "1w", 40_320: "1M", 41_760: "1M",
    43_200: "1M", 44_640: "1M",
}  # fmt: skip
# So many rows of a market that hardly trades could be this far apart by chance; more could not.
MIN_WIDE_STEPS = 5


def timeframe_of(block: Block, where: Path) -> Timeframe:
    """The timeframe of klines whose file name is silent. Raises DataError when it is none of ours.

    What the closing times say, else the step that more than half of the rows keep.
    """
    lengths = _lengths(block)
    known = lengths[lengths > 0]
    step = _commonest(known) if 2 * len(known) > len(lengths) else _step(block.time)[0]
    if step in {timeframe.ms for timeframe in Timeframe}:
        return next(timeframe for timeframe in Timeframe if timeframe.ms == step)
    if step // MINUTE_MS in _LENGTHS_MIN:
        name = _LENGTHS_MIN[step // MINUTE_MS]
        reason = f"bars of {name} are not kept; the timeframes are {', '.join(Timeframe)}"
    else:
        reason = (
            "neither its name nor its rows say which timeframe this is; name it like "
            "BTCUSDT-1m-2025-02.csv"
        )
    raise broken(where, reason)


def check_timeframe(block: Block, timeframe: Timeframe, where: Path) -> None:
    """Raise DataError, with a line, when the rows are bars of another length than `timeframe`."""
    lengths = _lengths(block)
    wrong = np.flatnonzero((lengths > 0) & (lengths != timeframe.ms))
    if len(wrong):
        i, more = int(wrong[0]), len(wrong) - 1
        reason = (
            f"opens {when(int(block.time[i]))} and closes {when(_close(block, i))}: a bar of "
            f"{_name(int(lengths[i]))}; the file is one of {timeframe}"
        )
        reason += f" ({more:,} more rows are not of it either)" if more else ""
        raise broken(where, reason, int(block.line[i]))
    if (lengths > 0).any():
        return
    step, steps = _step(block.time)
    if step and step != timeframe.ms and (step < timeframe.ms or steps >= MIN_WIDE_STEPS):
        reason = f"its rows are {_name(step)} apart; the file is one of {timeframe}"
        raise broken(where, reason, int(block.line[0]))


def _lengths(block: Block) -> Times:
    """Each row's length in ms, 0 where no closing time tells one that bars are published in."""
    if block.close_time is None:
        return np.zeros(len(block.time), np.int64)
    span = block.close_time - block.time
    minutes = (span + MINUTE_MS // 2) // MINUTE_MS
    near = np.abs(span - minutes * MINUTE_MS) <= _ROUNDING_MS
    lengths = np.where(near & np.isin(minutes, list(_LENGTHS_MIN)), minutes * MINUTE_MS, 0)
    return np.where(np.abs(span - 1000) <= 1, 1000, lengths)


def _close(block: Block, row: int) -> int:
    return 0 if block.close_time is None else int(block.close_time[row])


def _step(time: Times) -> tuple[int, int]:
    """(the step in ms that more than half of the rows keep, 0 without one; how many steps)."""
    steps: Times = np.diff(np.unique(time)).astype(np.int64)
    return (_commonest(steps) if len(steps) else 0), len(steps)


def _commonest(values: Times) -> int:
    """The value that more than half of them have, 0 when there is none."""
    middle = int(np.sort(values)[len(values) // 2]) if len(values) else 0
    return middle if 2 * np.count_nonzero(values == middle) > len(values) else 0


def _name(length_ms: int) -> str:
    if length_ms % MINUTE_MS:
        return f"{length_ms / 1000:g}s"
    return _LENGTHS_MIN.get(length_ms // MINUTE_MS, f"{length_ms // MINUTE_MS} minutes")
