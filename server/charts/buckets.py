"""Series in, what one view can show of them out: at most 2,000 points, extremes kept.

A view is cut into buckets of whole bars, the same for everything in it. A candle of a bucket is
exact: its first open, highest high, lowest low, last close. A line gets the value of each bucket
that is furthest from where it closed, so that no peak and no fall disappears in an overview, and
zooming in ends at single bars, where every value is the value of its bar.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.account.records import ACTIONS
from engine.analysis.csv_text import Words
from engine.bars import Bars, Floats, Times
from server.charts.holes import MAX_DRAWN, Holes, holes_of
from server.charts.run_tables import Plots, RunSeries, Table

MAX_BUCKETS = 2_000
MAX_MARKERS = 600  # the chart library takes 500 with ease; more are grouped
MAX_TRIPS = 300
WIDE_BARS = 20  # beyond each side of a view, so that one may move on over a hole

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Buckets:
    """Stretches of bars [edges[i], edges[i + 1]) in time: `edges` in ms, shape (n_buckets + 1,).

    `bars_each` is the number of bars in a bucket; the last may have fewer.
    """

    edges: Times
    bars_each: int

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def time_s(self) -> Indices:
        """The open time of each bucket's first bar, in seconds as the chart library counts."""
        return self.edges[:-1] // 1000

    def of(self, timestamp: Times) -> Indices:
        """The bucket of each time in ms; -1 before the first and `len` after the last."""
        return np.searchsorted(self.edges, timestamp, side="right").astype(np.int64) - 1

    def slices(self, timestamp: Times) -> tuple[Indices, Indices, int]:
        """Of sorted times: which buckets hold any, the index where each of these begins, and
        the index where the last ends. What `reduceat` needs, which cannot stand empty slices.
        """
        cuts = np.searchsorted(timestamp, self.edges).astype(np.int64)
        filled = np.flatnonzero(cuts[1:] > cuts[:-1])
        return filled, cuts[:-1][filled], int(cuts[-1])


def buckets_of(
    timestamp: Times,
    bar_ms: int,
    start: int | None = None,
    end: int | None = None,
    most: int = MAX_BUCKETS,
    wide: bool = False,
) -> Buckets:
    """Buckets over the bars that open in [start, end] ms, all of them when None; at most `most`.

    They begin at multiples of their own length counted from the run's first bar, so that a
    view moved sideways shows the same candles, and after a hole longer than themselves, so that
    none lies on both sides of one. `wide` adds bars on both sides: a quarter of the view, at
    least `WIDE_BARS`, wherever they are.
    """
    first = 0 if start is None else int(np.searchsorted(timestamp, start, side="left"))
    stop = len(timestamp) if end is None else int(np.searchsorted(timestamp, end, side="right"))
    if wide and len(timestamp):
        more = max(WIDE_BARS, (stop - first) // 4)
        first, stop = max(0, first - more), min(len(timestamp), stop + more)
    if stop <= first:
        return Buckets(np.zeros(1, np.int64), 1)
    each = bars_each(first, stop, most)
    starts = np.arange(first // each * each, stop, each)
    if each > 1:
        holes = holes_of(timestamp[starts[0] : stop], bar_ms).longer_than(each * bar_ms).longest()
        each = bars_each(first, stop, max(1, most - len(holes)))
        starts = np.arange(first // each * each, stop, each)
        starts = np.union1d(starts, np.searchsorted(timestamp, holes.after))
        starts = starts[starts >= first // each * each]
    edges = np.append(timestamp[starts], timestamp[stop - 1] + bar_ms)
    return Buckets(edges, each)


def bars_each(first: int, stop: int, most: int) -> int:
    """The fewest bars a bucket with which [first, stop) needs at most `most` buckets."""
    each = -(-(stop - first) // most)
    while -(-(stop - first // each * each) // each) > most:
        each += 1
    return each


def drawn_holes(timestamp: Times, bar_ms: int, buckets: Buckets) -> list[list[int]]:
    """Holes between buckets as `[first missing s, first bar after it s, bars missing]`."""
    if not len(buckets):
        return []
    view = holes_of(timestamp, bar_ms).between(int(buckets.edges[0]), int(buckets.edges[-1]))
    found: Holes = view.longest(MAX_DRAWN)
    there = np.isin(found.after, buckets.edges[1:-1])
    rows = zip(
        (found.start[there] // 1000).tolist(),
        (found.after[there] // 1000).tolist(),
        (found.length_ms[there] // bar_ms).tolist(),
        strict=True,
    )
    return [list(row) for row in rows]


def candles(bars: Bars, buckets: Buckets) -> dict[str, Floats]:
    """Exact `open high low close volume` of each bucket; NaN where the bars have none of it."""
    filled, starts, stop = buckets.slices(bars.timestamp)
    made = {name: np.full(len(buckets), np.nan) for name in _CANDLE}
    if len(filled):
        ends = np.append(starts[1:], stop) - 1
        made["open"][filled] = bars.open[starts]
        made["high"][filled] = np.maximum.reduceat(bars.high[:stop], starts)
        made["low"][filled] = np.minimum.reduceat(bars.low[:stop], starts)
        made["close"][filled] = bars.close[ends]
        made["volume"][filled] = np.add.reduceat(bars.volume[:stop], starts)
    return made


_CANDLE = ("open", "high", "low", "close", "volume")


def line(timestamp: Times, value: Floats, buckets: Buckets) -> Floats:
    """One value of each bucket, shape (n_buckets,): the one furthest from the bucket's last.

    The buckets with the highest and the lowest value of the view show these, the last bucket
    otherwise its last value, and NaN stands where there is none.
    """
    made = np.full(len(buckets), np.nan)
    filled, starts, stop = buckets.slices(timestamp)
    if len(filled) == 0:
        return made
    last = value[np.append(starts[1:], stop) - 1]
    if buckets.bars_each == 1:
        made[filled] = last
        return made
    high, low = np.fmax.reduceat(value[:stop], starts), np.fmin.reduceat(value[:stop], starts)
    last = np.where(np.isnan(last), high, last)
    chosen = np.where(high - last >= last - low, high, low)
    chosen[-1] = last[-1]
    if not np.isnan(high).all():
        top, bottom = int(np.nanargmax(high)), int(np.nanargmin(low))
        if top != bottom:
            chosen[top], chosen[bottom] = high[top], low[bottom]
    made[filled] = chosen
    return made


def worst(timestamp: Times, value: Floats, buckets: Buckets, reduce: np.ufunc) -> Floats:
    """`reduce` (np.fmin or np.fmax) of each bucket's values; NaN where there is none."""
    made = np.full(len(buckets), np.nan)
    filled, starts, stop = buckets.slices(timestamp)
    if len(filled):
        made[filled] = reduce.reduceat(value[:stop], starts)
    return made


def drawdown_pct(value: Floats, capital: float) -> Floats:
    """How far each value is below the highest before it, in percent and at most 0."""
    peak = np.maximum(np.maximum.accumulate(value), capital)
    return (value / peak - 1.0) * 100.0


def exposure_pct(series: RunSeries) -> Floats:
    """What the position is worth at each close, in percent of the equity: > 0 long, < 0 short.

    A position is worth its notional at entry, with the sign of its size, and what it gained
    since. NaN where that is undefined: without equity, and once funding has eaten the margin.
    """
    size = series.numbers("portfolio", "position_size")
    leverage = series.numbers("portfolio", "leverage_ratio")
    margin = series.numbers("portfolio", "margin_used")
    value = series.numbers("portfolio", "portfolio_value")
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = np.sign(size) * leverage * margin + series.numbers("portfolio", "unrealized_pnl")
        share = np.where(leverage == 0, 0.0, worth / value * 100.0)
    return np.where(np.isfinite(share) & (value > 0), share, np.nan)


def markers(trades: Table, buckets: Buckets, most: int = MAX_MARKERS) -> list[list[Any]]:
    """Fills of the view as `[time_s, kind, count, price, quantity, pnl]`, in time order.

    Fills of a kind in a bucket are one marker: `price` is their average weighted by quantity,
    quantity and pnl are sums. While there are more than `most`, neighbouring buckets are
    joined; a marker then stands at the first of them that has a fill of its kind.
    """
    times, action = trades["timestamp"], trades["action"]
    assert isinstance(times, np.ndarray)
    assert isinstance(action, Words)
    shown = slice(*np.searchsorted(times, buckets.edges[[0, -1]]).tolist())
    if shown.start == shown.stop:
        return []
    kinds = len(ACTIONS)
    slot = buckets.of(times[shown]) * kinds + action.codes[shown]
    quantity = np.asarray(trades["quantity"])[shown]
    sums = [
        np.bincount(slot, weights)
        for weights in (
            None,
            quantity,
            quantity * np.asarray(trades["price"])[shown],
            np.asarray(trades["pnl"])[shown],
        )
    ]
    taken = np.flatnonzero(sums[0])  # slots with a fill, at most three a bucket
    bucket, kind = taken // kinds, taken % kinds
    joined = 1
    while len(np.unique(bucket // joined * kinds + kind)) > most:
        joined *= 2
    _, first, group = np.unique(
        bucket // joined * kinds + kind, return_index=True, return_inverse=True
    )
    count, total, paid, earned = (np.bincount(group, column[taken]) for column in sums)
    rows = zip(
        buckets.time_s[bucket[first]].tolist(),
        [ACTIONS[code] for code in kind[first].tolist()],
        count.astype(np.int64).tolist(),
        (paid / total).tolist(),
        total.tolist(),
        earned.tolist(),
        strict=True,
    )
    return sorted(map(list, rows), key=lambda row: row[0])  # joined buckets mix their kinds


def trips(round_trips: Table, buckets: Buckets, most: int = MAX_TRIPS) -> list[list[Any]]:
    """Entry-to-exit lines across the view: `[entry_s, entry_price, exit_s, exit_price, won]`.

    Times are those of buckets. A trip that reaches beyond the view is cut at its edge, where
    its line passes. Of more than `most` the ones that won or lost the most are shown.
    """
    numbers = {name: np.asarray(round_trips[name]) for name in _TRIP}
    entry, exit_ = numbers["entry_time"], numbers["exit_time"]
    view_start, view_end = int(buckets.edges[0]), int(buckets.edges[-1])
    shown = np.flatnonzero((exit_ >= view_start) & (entry < view_end))
    if len(shown) == 0 or len(buckets) == 0:
        return []
    pnl = numbers["pnl"][shown]
    if len(shown) > most:
        keep = np.sort(np.argpartition(-np.abs(pnl), most)[:most])
        shown, pnl = shown[keep], pnl[keep]
    begin, end = entry[shown], exit_[shown]
    from_price, to_price = numbers["entry_price"][shown], numbers["exit_price"][shown]
    slope = (to_price - from_price) / np.maximum(end - begin, 1)
    left, right = np.maximum(begin, view_start), np.minimum(end, view_end - 1)
    time_s = buckets.time_s
    columns = (
        time_s[buckets.of(left)].tolist(),
        (from_price + slope * (left - begin)).tolist(),
        time_s[buckets.of(right)].tolist(),
        np.where(right < end, from_price + slope * (right - begin), to_price).tolist(),
        (pnl > 0).tolist(),
    )
    return [list(row) for row in zip(*columns, strict=True)]


_TRIP = ("entry_time", "exit_time", "entry_price", "exit_price", "pnl")


def plot_lines(plots: Plots, buckets: Buckets) -> dict[str, list[list[float]]]:
    """The strategy's own lines in the view: name -> `[[time_s, value]]`, a point a bucket."""
    made = {}
    for name, (timestamp, value) in plots.items():
        chosen = line(timestamp, value, buckets)
        there = np.flatnonzero(~np.isnan(chosen))
        points = zip(buckets.time_s[there].tolist(), chosen[there].tolist(), strict=True)
        made[name] = [list(point) for point in points]
    return made


def chart_document(
    series: RunSeries,
    bars: Bars,
    capital: float,
    start: int | None = None,
    end: int | None = None,
    most: int = MAX_BUCKETS,
    wide: bool = False,
) -> dict[str, Any]:
    """Everything that a result chart draws between two times in ms, as columns for orjson.

    `time` (s) with `open high low close volume`, `equity`, `hold` (the capital put into the
    first open), `drawdown` (percent, each bucket's worst), `leverage` (each bucket's highest)
    and `exposure_low`, `exposure_high` (percent of equity: the furthest that each bucket went
    short, at most 0, and long, at least 0); `holes` in the history, `markers`, `trips`,
    `plots`, `indicators` (none here: whoever keeps them adds theirs,
    `chart_lines.indicator_columns`); and for the navigation `timeframe`, `bar_ms`, `first` and
    `last` (the run's, ms), `bars_per_point`.
    Serialise it with OPT_SERIALIZE_NUMPY: NaN, where a failed run has no more values, is null.
    Lines of an overview have the digits that a picture can show, which halves the document.
    """
    bar_ms = bars.timeframe.ms
    buckets = buckets_of(bars.timestamp, bar_ms, start, end, most, wide)
    timestamp = series.numbers("portfolio", "timestamp")
    value = series.numbers("portfolio", "portfolio_value")
    leverage = series.numbers("portfolio", "leverage_ratio")
    hold = bars.close * (capital / bars.open[0]) if len(bars) else bars.close
    exposure = exposure_pct(series)
    decimals = max(0, 7 - int(np.log10(capital)))  # a ten-millionth of the capital

    def rounded(value: Floats) -> Floats:
        return value.round(decimals) if buckets.bars_each > 1 and decimals < 16 else value

    return {
        "timeframe": str(bars.timeframe),
        "bar_ms": bar_ms,
        "first": int(bars.timestamp[0]) if len(bars) else None,
        "last": int(bars.timestamp[-1]) + bar_ms if len(bars) else None,
        "bars_per_point": buckets.bars_each,
        "time": buckets.time_s,
        **candles(bars, buckets),
        "equity": rounded(line(timestamp, value, buckets)),
        "hold": rounded(line(bars.timestamp, hold, buckets)),
        "drawdown": worst(timestamp, drawdown_pct(value, capital), buckets, np.fmin).round(4),
        "leverage": worst(timestamp, leverage, buckets, np.fmax).round(4),
        "exposure_low": np.minimum(worst(timestamp, exposure, buckets, np.fmin), 0.0).round(2),
        "exposure_high": np.maximum(worst(timestamp, exposure, buckets, np.fmax), 0.0).round(2),
        "holes": drawn_holes(bars.timestamp, bar_ms, buckets),
        "markers": markers(series.tables["trades"], buckets),
        "trips": trips(series.tables["round_trips"], buckets),
        "plots": plot_lines(series.plots, buckets),
        "indicators": {},
    }


def pick_points(columns: Mapping[str, npt.NDArray[Any]], n: int) -> Indices:
    """Indices of at most `n` rows of a portfolio that keep its shape, ascending.

    The first and the last row; the highest and lowest of every column; and the highest and
    lowest portfolio value of as many equal stretches as fit. All of them when they fit.
    """
    value = columns["portfolio_value"]
    length = len(value)
    if length <= n:
        return np.arange(length)
    if n < 2:
        return np.array([length - 1][:n], dtype=np.int64)
    picked = {0, length - 1}
    others = [columns[name] for name in columns if name not in ("timestamp", "portfolio_value")]
    for index in _extreme_indices([value, *others]):
        if len(picked) < n:
            picked.add(index)
    stretches = (n - len(picked)) // 2
    if stretches:
        each = -(-length // stretches)
        padded = np.pad(value, (0, -length % each), mode="edge").reshape(-1, each)
        begin = np.arange(len(padded)) * each
        picked.update((begin + padded.argmin(axis=1)).tolist())
        picked.update((begin + padded.argmax(axis=1)).tolist())
    return np.array(sorted(picked))


def _extreme_indices(columns: Iterable[npt.NDArray[Any]]) -> Iterable[int]:
    for column in columns:
        if not np.isnan(column).all():
            yield int(np.nanargmin(column))
            yield int(np.nanargmax(column))


def rows_of(
    table: Table, indices: Indices | slice = slice(None)
) -> list[dict[str, float | int | str | None]]:
    """Rows of a table as dicts of plain values, a missing number None: what the API answers."""
    lists: list[list[Any]] = []
    for column in table.values():
        if isinstance(column, Words):
            lists.append([column.words[code] for code in column.codes[indices].tolist()])
            continue
        assert isinstance(column, np.ndarray)
        chosen = column[indices]
        numbers = chosen.tolist()
        if chosen.dtype.kind == "f" and np.isnan(chosen).any():
            numbers = [None if number != number else number for number in numbers]
        lists.append(numbers)
    names = list(table)
    return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]
