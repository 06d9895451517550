"""Which file serves a day: the timeframe's own, else the finer one that covers most of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.enums import DAY_MS, Timeframe
from engine.history.resample import finer_divisors

# The timeframe's own file serves its day whatever it holds: more than any share of a day.
OWN_FILE = DAY_MS + 1


def source_order(timeframe: Timeframe) -> tuple[Timeframe, ...]:
    """The timeframes whose files can serve a day of `timeframe`: its own, then finest first."""
    return (timeframe, *finer_divisors(timeframe))


def covered_ms(bars: int | npt.NDArray[np.int64], source: Timeframe) -> npt.NDArray[np.int64]:
    """How much of a day `bars` different bars of `source` cover, in ms."""
    return np.asarray(bars, np.int64) * source.ms


def serving(
    days: npt.NDArray[np.int64], covered: npt.NDArray[np.int64], ranks: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Positions of the files that serve, one for each day among `days`, by ascending day.

    Files are given by their day, what they cover of it in ms (OWN_FILE for the timeframe's own)
    and their source's place in `source_order`; all of shape (n_files,). Most covered wins, which
    a whole day always does, and of equals the finest: five minutes of 1m never stand for a day
    that the 1h file has whole.
    """
    order = np.lexsort((ranks, -covered, days))
    first = np.r_[True, np.diff(days[order]) != 0][: len(order)]
    positions: npt.NDArray[np.int64] = order[first]
    return positions
