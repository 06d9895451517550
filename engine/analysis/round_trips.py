"""Closing trade rows in, round trips out: what each closed piece of a position went through."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from engine.account.records import PHASES, SIDES, Ledger
from engine.bars import Bars, Floats, Times

Indices = npt.NDArray[np.int64]
_CLOSE, _SHORT = PHASES.index("close"), SIDES.index("short")


@dataclass(frozen=True, eq=False)
class RoundTripColumns:
    """One element per closing row, in time order: columns of shape (closed_trades,).

    `entry_time` and `exit_time` are open times of bars in ms; `position_type` and `exit_reason`
    are codes into `records.SIDES` and `records.REASONS`; `leverage` and `return_pct` are NaN
    where no margin was left to release (funding had eaten it); `mae <= 0 <= mfe` are in quote
    currency; `opened` is the number of the trade row that first opened the position; `fees` are
    the closing row's and the share of those paid to open what it closed, `funding` alike.
    """

    entry_time: Times
    exit_time: Times
    position_type: npt.NDArray[np.uint8]
    quantity: Floats
    entry_price: Floats
    exit_price: Floats
    leverage: Floats
    pnl: Floats
    return_pct: Floats
    bars_held: Indices
    mae: Floats
    mfe: Floats
    exit_reason: npt.NDArray[np.uint8]
    opened: npt.NDArray[np.int32]
    fees: Floats
    funding: Floats

    def __len__(self) -> int:
        return len(self.entry_time)


ROUND_TRIP_NAMES = tuple(item.name for item in fields(RoundTripColumns) if item.name != "opened")


def round_trip_columns(ledger: Ledger, bars: Bars) -> RoundTripColumns:
    """The round trips of a ledger, one per closing row, liquidations included.

    Excursions join what the broker saw inside the entry and exit bars with the lows and highs
    of the whole bars between; an exit at the close has walked its bar to the end.
    """
    rows = ledger.trades[ledger.trades["closing"] != 0]
    opened = rows["open_bar"].astype(np.int64)
    closed = rows["bar"].astype(np.int64)
    whole_end = np.where(rows["phase"] == _CLOSE, closed + 1, closed)
    lowest, highest = _extremes(bars, opened + 1, whole_end)
    lowest = np.fmin(lowest, rows["seen_low"])
    highest = np.fmax(highest, rows["seen_high"])
    quantity, entry = rows["quantity"].copy(), rows["entry_price"].copy()
    short = rows["side"] == _SHORT
    worst = quantity * np.where(short, entry - highest, lowest - entry)
    best = quantity * np.where(short, entry - lowest, highest - entry)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return_pct = rows["pnl"] / rows["released"] * 100.0
    return_pct[~np.isfinite(return_pct)] = np.nan
    return RoundTripColumns(
        entry_time=bars.timestamp[opened],
        exit_time=bars.timestamp[closed],
        position_type=rows["side"].copy(),
        quantity=quantity,
        entry_price=entry,
        exit_price=rows["price"].copy(),
        leverage=np.where(np.isfinite(rows["leverage"]), rows["leverage"], np.nan),
        pnl=rows["pnl"].copy(),
        return_pct=return_pct,
        bars_held=closed - opened,
        mae=np.minimum(worst, 0.0) + 0.0,
        mfe=np.maximum(best, 0.0) + 0.0,
        exit_reason=rows["reason"].copy(),
        opened=rows["opened"].copy(),
        fees=rows["fee"] + rows["entry_fees"],
        funding=rows["funding"] + 0.0,
    )


def _extremes(bars: Bars, start: Indices, end: Indices) -> tuple[Floats, Floats]:
    """Lowest low and highest high of bars [start, end) of each row; NaN where there is none.

    A position closed in a thousand pieces would walk its bars a thousand times, so each piece
    takes only the bars since the one before and the pieces' extremes are then accumulated:
    the work stays proportional to the bars, however a strategy slices its position. There is
    one net position at a time, so rows with whole bars share a start exactly when they share
    a position.
    """
    lowest, highest = np.full(len(start), np.nan), np.full(len(start), np.nan)
    whole = np.flatnonzero(end > start)
    if len(whole) == 0:
        return lowest, highest
    start, end = start[whole], end[whole]
    same_position = np.append(False, start[1:] == start[:-1])
    since = start.copy()
    since[same_position] = end[:-1][same_position[1:]]
    fresh = np.flatnonzero(end > since)  # every position's first piece is one of them
    edges = np.stack([since[fresh], end[fresh]], axis=1).ravel()
    if edges[-1] == len(bars):
        edges = edges[:-1]
    piece_low, piece_high = np.full(len(start), np.inf), np.full(len(start), -np.inf)
    piece_low[fresh] = np.minimum.reduceat(bars.low, edges)[::2]
    piece_high[fresh] = np.maximum.reduceat(bars.high, edges)[::2]
    position = np.cumsum(~same_position)
    longest = int(np.bincount(position).max())
    step = 1
    while step < longest:  # prefix extremes within a position, in log2(pieces) passes
        joined = np.flatnonzero(position[step:] == position[:-step])
        later, earlier = joined + step, joined
        piece_low[later] = np.minimum(piece_low[later], piece_low[earlier])
        piece_high[later] = np.maximum(piece_high[later], piece_high[earlier])
        step *= 2
    lowest[whole], highest[whole] = piece_low, piece_high
    return lowest, highest
