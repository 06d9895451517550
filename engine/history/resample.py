"""Bars of a coarser timeframe out of finer ones."""

from __future__ import annotations

import numpy as np

from engine.enums import Timeframe
from engine.history.day_files import NO_ROWS, Columns


def resample(columns: Columns, source: Timeframe, target: Timeframe) -> tuple[Columns, int]:
    """Bars of `target`, and how many of them are partial: built from fewer bars than fit.

    Open first, high max, low min, close last, volume sum; the label is the bucket's open time.
    A bucket exists when at least one source bar falls into it. `source` divides `target`.
    """
    count = len(columns.timestamp)
    if not count:
        return NO_ROWS, 0
    label = columns.timestamp - columns.timestamp % target.ms
    starts = np.flatnonzero(np.r_[True, label[1:] != label[:-1]])
    sizes = np.diff(np.r_[starts, count])
    last = starts + sizes - 1
    resampled = Columns(
        label[starts],
        columns.open[starts],
        np.maximum.reduceat(columns.high, starts),
        np.minimum.reduceat(columns.low, starts),
        columns.close[last],
        np.add.reduceat(columns.volume, starts),
    )
    return resampled, int(np.count_nonzero(sizes < target.ms // source.ms))


def finer_divisors(target: Timeframe) -> list[Timeframe]:
    """Timeframes shorter than `target` that divide it, finest first."""
    return [t for t in Timeframe if t.ms < target.ms and target.ms % t.ms == 0]
