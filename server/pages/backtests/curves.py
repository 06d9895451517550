"""A run's curves, small enough for a picture: what readers without scripts and reports see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.bars import Bars, Floats, Times
from engine.enums import DAY_MS
from server.charts.buckets import buckets_of, exposure_pct, line
from server.charts.holes import Holes, holes_of
from server.charts.indicators import KeptIndicators
from server.charts.lines import ChartLine, indicator_columns
from server.charts.run_tables import RunSeries
from server.pages.parts import plots

OUTLINE_POINTS = 600
ROLLING_DAYS = 30


@dataclass(frozen=True)
class Curves:
    """A picture of several lines under a title; `lines` is its legend."""

    title: str
    plot: plots.LinePlot
    lines: list[ChartLine]


def daily_values(series: RunSeries) -> tuple[np.ndarray, np.ndarray]:
    """(days as ms, the last portfolio value of each)."""
    day = series.numbers("portfolio", "timestamp") // DAY_MS
    if not len(day):
        return day, series.numbers("portfolio", "portfolio_value")
    last = np.append(np.flatnonzero(np.diff(day)), len(day) - 1)
    return day[last] * DAY_MS, series.numbers("portfolio", "portfolio_value")[last]


def equity_plot(series: RunSeries, capital: float) -> plots.LinePlot | None:
    """The portfolio value by day (by bar in short runs), for readers without scripts."""
    time, value = daily_values(series)
    if len(time) < 30:
        time = series.numbers("portfolio", "timestamp")
        value = series.numbers("portfolio", "portfolio_value")
    holes = holes_of(series.numbers("portfolio", "timestamp"))
    time, value = outline(time, value, holes)
    lines = [("", value.tolist(), "")]
    return plots.line_plot("Portfolio value", time.tolist(), lines, holes=holes)


def exposure_plot(series: RunSeries) -> plots.LinePlot | None:
    """The exposure in percent of equity, for readers without scripts."""
    timestamp = series.numbers("portfolio", "timestamp")
    holes = holes_of(timestamp)
    time, value = outline(timestamp, exposure_pct(series), holes)
    known = [None if v != v else v for v in value.tolist()]
    label = "Position in percent of equity"
    return plots.line_plot(label, time.tolist(), [("", known, "")], " %", holes=holes)


def price_curves(
    series: RunSeries, bars: Bars, kept: KeptIndicators, lines: list[ChartLine]
) -> list[Curves]:
    """The closes with the strategy's own lines over them, then its panes below the price."""
    buckets = buckets_of(bars.timestamp, bars.timeframe.ms, most=OUTLINE_POINTS)
    timestamp = series.numbers("portfolio", "timestamp")
    columns = {name: joined(line(at, value, buckets)) for name, (at, value) in series.plots.items()}
    for name, values in indicator_columns(kept, series.plots, timestamp, buckets).items():
        columns[name] = [None if v != v else v for v in values.tolist()]
    price = ChartLine("Price", 0, "ink")
    close = joined(line(bars.timestamp, bars.close, buckets))
    time_ms = (buckets.time_s * 1000).tolist()
    holes = holes_of(bars.timestamp, bars.timeframe.ms)
    found = []
    for pane in range(max((item.pane for item in lines), default=0) + 1):
        there = [item for item in lines if item.pane == pane] + ([] if pane else [price])
        title = ", ".join(item.name for item in there) if pane else "Price"
        drawn = [
            (item.name, close if item is price else columns[item.name], item.css) for item in there
        ]
        plot = plots.line_plot(title, time_ms, drawn, holes=holes)
        if plot is not None:
            found.append(Curves(title, plot, there))
    return found


def joined(values: Floats) -> list[float | None]:
    """`values` with what is missing between two of them on the straight line from one to the
    other, and None outside."""
    there = np.flatnonzero(~np.isnan(values))
    made: list[float | None] = [None] * len(values)
    if len(there):
        inside = np.arange(there[0], there[-1] + 1)
        made[there[0] : there[-1] + 1] = np.interp(inside, there, values[there]).tolist()
    return made


def outline(time: Times, value: Floats, holes: Holes | None = None) -> tuple[Times, Floats]:
    """At most 602 of the points: the extremes of equal stretches, in order, keep every peak
    and fall of the picture; and the points beside the longest holes."""
    if len(time) <= OUTLINE_POINTS:
        return time, value
    each = -(-len(time) // (OUTLINE_POINTS // 2))
    starts = np.arange(0, len(time), each)
    padded = np.pad(value, (0, len(starts) * each - len(value)), constant_values=np.nan)
    stretches = padded.reshape(-1, each)
    low = np.where(np.isnan(stretches), np.inf, stretches).argmin(axis=1)
    high = np.where(np.isnan(stretches), -np.inf, stretches).argmax(axis=1)
    keep = [starts + low, starts + high, [0, len(time) - 1]]
    if holes is not None:
        after = np.searchsorted(time, holes.longest().after)
        keep.append(np.clip(np.concatenate((after - 1, after)), 0, len(time) - 1))
    chosen = np.unique(np.concatenate(keep)).astype(np.int64)
    return time[chosen], value[chosen]


def rolling_ratio(series: RunSeries, capital: float) -> tuple[Times, Floats] | None:
    """(days in ms, the Sharpe ratio of the 30 days up to each) from the first day that has one
    to the last; NaN between them where it is undefined.

    It is undefined while the equity does not move, as in an account that is dead, and while the
    30 days reach over more than a missing day. None for runs of less than twice the 30 days, and
    where it never is defined.
    """
    time, value = daily_values(series)
    if len(value) < 2 * ROLLING_DAYS:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = value / np.concatenate(([capital], value[:-1])) - 1
        windows = np.lib.stride_tricks.sliding_window_view(returns, ROLLING_DAYS)
        spread = windows.std(axis=1, ddof=1)
        ratio = windows.mean(axis=1) / spread * np.sqrt(365)
    whole = time[ROLLING_DAYS - 1 :] - time[: 1 - ROLLING_DAYS] <= ROLLING_DAYS * DAY_MS
    defined = np.flatnonzero((spread > 1e-12) & np.isfinite(ratio) & whole)
    if not len(defined):
        return None
    known = np.full(len(ratio), np.nan)
    known[defined] = ratio[defined]
    shown = slice(defined[0], defined[-1] + 1)
    return time[ROLLING_DAYS - 1 :][shown], known[shown]


def rolling_ends_early(series: RunSeries, capital: float) -> int | None:
    """The last day (ms) with a ratio where the run goes on after it; None where it does not."""
    ratio = rolling_ratio(series, capital)
    if ratio is None:
        return None
    last_day = int(daily_values(series)[0][-1])
    return int(ratio[0][-1]) if ratio[0][-1] < last_day else None


def rolling_sharpe(series: RunSeries, capital: float) -> plots.LinePlot | None:
    """The Sharpe ratio over time, for readers without scripts."""
    found = rolling_ratio(series, capital)
    if found is None:
        return None
    holes = holes_of(found[0], DAY_MS)
    time, ratio = outline(*found, holes)
    values = [None if v != v else v for v in ratio.tolist()]
    label = f"Sharpe ratio of the {ROLLING_DAYS} days before"
    return plots.line_plot(label, time.tolist(), [("", values, "")], holes=holes)
