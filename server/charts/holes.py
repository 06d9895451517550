"""Holes: where the bars of a run skip time, and what was held across them.

A price that moved while there were no bars is the result of one bar, and no strategy traded it: a
curve is not joined over a hole, and a trade that spans one is named.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.bars import Floats, Times
from engine.enums import DAY_MS
from server.charts.run_tables import RunSeries

MAX_DRAWN = 60  # holes in one picture, the longest first


@dataclass(frozen=True, eq=False)
class Holes:
    """Ascending, shape (n_holes,) each, in ms: the open time of the last bar `before` a hole and
    of the first `after` it; `step_ms` is the length of a bar."""

    before: Times
    after: Times
    step_ms: int

    def __len__(self) -> int:
        return len(self.before)

    @property
    def start(self) -> Times:
        """The open time of the first missing bar of each."""
        return self.before + self.step_ms

    @property
    def length_ms(self) -> Times:
        return self.after - self.start

    def longer_than(self, length_ms: float) -> Holes:
        return self._of(np.flatnonzero(self.length_ms > length_ms))

    def between(self, start_ms: int, end_ms: int) -> Holes:
        """Those with bars of [start, end] on both sides."""
        return self._of(np.flatnonzero((self.before >= start_ms) & (self.after <= end_ms)))

    def longest(self, most: int = MAX_DRAWN) -> Holes:
        if len(self) <= most:
            return self
        return self._of(np.sort(np.argsort(-self.length_ms, kind="stable")[:most]))

    def _of(self, chosen: np.ndarray) -> Holes:
        return Holes(self.before[chosen], self.after[chosen], self.step_ms)


def holes_of(timestamp: Times, step_ms: int | None = None) -> Holes:
    """The holes between sorted times; bars are as long as the shortest step unless told."""
    jumps = np.diff(timestamp)
    step = step_ms or (int(jumps.min()) if len(jumps) else 1)
    found = np.flatnonzero(jumps > step)
    return Holes(timestamp[found], timestamp[found + 1], step)


def spanned(holes: Holes, entry_ms: Times, exit_ms: Times) -> np.ndarray:
    """Whether each [entry, exit] reaches from a bar before a hole to a bar after it."""
    ended = np.searchsorted(holes.after, exit_ms, side="right")
    begun = np.searchsorted(holes.before, entry_ms, side="left")
    return np.asarray(ended > begun)


@dataclass(frozen=True)
class Held:
    """What a run held across holes: numbers of its trades, their result, and whether the position
    that is open at the end was."""

    trades: list[int]
    pnl: float
    still_open: bool


def held_across(series: RunSeries, holes: Holes) -> Held:
    """Trades (counted from 1, the largest results first) that span a hole."""
    trips = series.tables["round_trips"]
    entry, exit_ = np.asarray(trips["entry_time"]), np.asarray(trips["exit_time"])
    pnl: Floats = np.asarray(trips["pnl"])
    across = np.flatnonzero(spanned(holes, entry, exit_))
    largest = across[np.argsort(-np.abs(pnl[across]), kind="stable")]
    return Held((largest + 1).tolist(), float(pnl[across].sum()), _open_across(series, holes))


def _open_across(series: RunSeries, holes: Holes) -> bool:
    timestamp = series.numbers("portfolio", "timestamp")
    margin = series.numbers("portfolio", "margin_used")
    if not len(holes) or not len(margin) or margin[-1] <= 0:
        return False
    flat = np.flatnonzero(margin <= 0)
    held_from = flat[-1] + 1 if len(flat) else 0
    return bool(holes.before[-1] >= timestamp[held_from])


def grave_holes(holes: Holes, too_much: bool) -> Holes:
    """Those worth naming trades for: all when too much is missing, else those of over a day."""
    return holes if too_much else holes.longer_than(DAY_MS)
