"""Lines of a chart: where the strategy's own belong, and several runs or one figure over time.

What is drawn over the price must be of its size, or the candles become a flat stripe: a line
shares the price's scale when all that it ever shows lies between half the lowest and twice the
highest price of the run, and gets a pane below otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.bars import Floats, Times
from server.charts.buckets import MAX_BUCKETS, Buckets, bars_each, line
from server.charts.holes import MAX_DRAWN, holes_of
from server.charts.indicators import KeptIndicators, Range, range_of
from server.charts.run_tables import Plots

HUES = 8  # the style sheet's colours for the lines of a pane; more begin anew, dashed
MAX_PANES_SHOWN = 3  # below the price, at first: each takes room from the others


@dataclass(frozen=True)
class ChartLine:
    """A line with its entry in the legend. `pane` 0 is the price's, others are below it in
    order; `css` names its colour; `shown` is whether it is drawn before anybody asks."""

    name: str
    pane: int = 0
    css: str = ""
    shown: bool = True


def own_lines(plots: Plots, kept: KeptIndicators, price: Range) -> list[ChartLine]:
    """A strategy's plots, then its indicators of other names, each in its pane.

    Parts of one indicator (`bands[0]`, `bands[1]`) that are no overlay share a pane.
    """
    ranges: dict[str, Range | None] = {name: range_of(value) for name, (_, value) in plots.items()}
    for name in kept.lines:
        ranges.setdefault(name, kept.ranges.get(name))
    panes: dict[str, int] = {}
    drawn: Counter[int] = Counter()
    found = []
    for name, extent in ranges.items():
        pane = 0
        if extent is not None and not over_price(extent, price):
            group = name if name in plots else name.rpartition("[")[0] or name
            pane = panes.setdefault(group, len(panes) + 1)
        css = f"h{drawn[pane] % HUES}" + (" dashed" if drawn[pane] >= HUES else "")
        drawn[pane] += 1
        found.append(ChartLine(name, pane, css, pane <= MAX_PANES_SHOWN))
    return found


def over_price(extent: Range, price: Range) -> bool:
    """Whether a line of this range is drawn on the price's own scale."""
    return price[0] / 2 <= extent[0] and extent[1] <= price[1] * 2


def indicator_columns(
    kept: KeptIndicators, plots: Plots, timestamp: Times, buckets: Buckets
) -> dict[str, Floats]:
    """Name -> a value for each bucket, NaN for a gap; those that a plot has the name of aside."""
    made = {}
    for name, values in kept.lines.items():
        if name in plots:
            continue
        count = min(len(values), len(timestamp))
        column = line(timestamp[:count], values[:count], buckets)
        made[name] = column if buckets.bars_each == 1 else shortened(column)
    return made


def shortened(values: Floats) -> Floats:
    """With the seven digits that an overview can show, which halves its document."""
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    if not 1e-8 < largest < 1e15:
        return values
    return values.round(min(15, max(0, 6 - int(np.floor(np.log10(largest))))))


@dataclass(frozen=True, eq=False)
class Curve:
    """One line over times in ms, each the opening of a bar of `bar_ms`."""

    timestamp: Times
    value: Floats
    bar_ms: int


def grid_of(
    first: int,
    last: int,
    bar_ms: int,
    start: int | None = None,
    end: int | None = None,
    most: int = MAX_BUCKETS,
) -> Buckets:
    """Buckets of equal time over [first, last] ms, the part of it in [start, end]; at most
    `most`. Unlike `buckets_of` they do not follow one run's bars: several runs meet here.
    """
    low = 0 if start is None else max(0, -(-(start - first) // bar_ms))
    stop = (last - first) // bar_ms + 1
    if end is not None:
        stop = min(stop, (end - first) // bar_ms + 1)
    if stop <= low:
        return Buckets(np.zeros(1, np.int64), 1)
    each = bars_each(low, stop, most)
    starts = np.arange(low // each * each, stop, each, dtype=np.int64)
    return Buckets(first + bar_ms * np.append(starts, stop), each)


def lines_document(
    curves: Mapping[str, Curve],
    unit: str,
    start: int | None = None,
    end: int | None = None,
    most: int = MAX_BUCKETS,
) -> dict[str, Any]:
    """What a chart of lines draws between two times in ms, as columns for orjson.

    `time` (s), `lines` (name -> a value a bucket, extremes kept, NaN where there is none), their
    `holes` (name -> `[first missing s, next s, bars missing]`, those wider than a bucket), the
    `unit` behind a number; and for the navigation `bar_ms`, `first`, `last` (ms) and
    `bars_per_point`.
    """
    there = {name: curve for name, curve in curves.items() if len(curve.timestamp)}
    if not there:
        empty: dict[str, Any] = {"time": [], "lines": {}, "holes": {}}
        empty |= {"first": None, "last": None}
        return empty | {"bar_ms": 1, "bars_per_point": 1, "unit": unit}
    bar_ms = min(curve.bar_ms for curve in there.values())
    first = min(int(curve.timestamp[0]) for curve in there.values())
    last = max(int(curve.timestamp[-1]) for curve in there.values())
    buckets = grid_of(first, last, bar_ms, start, end, most)
    return {
        "time": buckets.time_s,
        "lines": {
            name: line(curve.timestamp, curve.value, buckets).round(4)
            for name, curve in there.items()
        },
        "holes": {name: _holes(curve, buckets) for name, curve in there.items()},
        "first": first,
        "last": last + bar_ms,
        "bar_ms": bar_ms,
        "bars_per_point": buckets.bars_each,
        "unit": unit,
    }


def _holes(curve: Curve, buckets: Buckets) -> list[list[int]]:
    """Where a curve has no value for longer than a bucket, within the view and across its edges."""
    if not len(buckets):
        return []
    wide = holes_of(curve.timestamp, curve.bar_ms).longer_than(float(np.diff(buckets.edges).max()))
    seen = (wide.start < buckets.edges[-1]) & (wide.after > buckets.edges[0])
    found = sorted(
        zip(wide.start[seen].tolist(), wide.after[seen].tolist(), strict=True),
        key=lambda hole: hole[0] - hole[1],
    )[:MAX_DRAWN]
    return [[a // 1000, b // 1000, (b - a) // curve.bar_ms] for a, b in sorted(found)]
