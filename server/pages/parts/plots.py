"""Small pictures as numbers for SVG: lines, bars, coverage. The templates write the markup.

They need no script, print well, and go into the report that is opened offline.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from server.charts.holes import Holes
from server.pages.parts import formats

WIDTH, HEIGHT = 600.0, 160.0
LEFT, BOTTOM = 8.0, 20.0
HATCH_STEP = 7.0
BODY = 0.6  # of a bar's time, the width of a candle's body
MOST_DECIMALS = 12
# About the width of a digit, and what the words beside an axis have room for unless they need more.
DIGIT_WIDTH, MARGIN = 6.2, 46.0


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class Line:
    label: str
    path: str
    css: str = ""


@dataclass(frozen=True)
class LinePlot:
    """Lines over time; `zero` is the y of the value 0 when it is in view; `holes` are
    stretches (x, width, path of the hatching) without bars, over which no line is drawn."""

    label: str
    lines: list[Line]
    y_ticks: list[Tick]
    x_ticks: list[Tick]
    zero: float | None = None
    holes: list[tuple[float, float, str]] = field(default_factory=list)

    @property
    def margin(self) -> float:
        """The room that the words beside the axis need."""
        longest = max((len(tick.text) for tick in self.y_ticks), default=0)
        return max(MARGIN, round(8 + longest * DIGIT_WIDTH))


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    css: str
    title: str


@dataclass(frozen=True)
class BarPlot:
    label: str
    bars: list[Bar]
    y_ticks: list[Tick]
    x_ticks: list[Tick]


@dataclass(frozen=True)
class Picture:
    """Which part of a stretch of time has bars (x, width pairs on 600 units)."""

    first: str
    last: str
    covered: list[tuple[float, float]]
    gaps: list[tuple[float, float]] = field(default_factory=list)
    chosen: tuple[float, float] | None = None
    resampled: bool = False
    label: str = ""


def line_plot(
    label: str,
    time_ms: Sequence[float],
    series: Sequence[tuple[str, Sequence[float | None], str]],
    unit: str = "",
    holes: Holes | None = None,
) -> LinePlot | None:
    """`series` (name, values, CSS class) over `time_ms`; None when there is nothing to draw."""
    columns = [np.array([np.nan if v is None else v for v in s[1]], float) for s in series]
    known = np.concatenate(columns) if columns else np.empty(0)
    known = known[np.isfinite(known)]
    if len(time_ms) < 2 or not len(known):
        return None
    low, high = _padded(float(known.min()), float(known.max()))
    step = _nice_step((high - low) / 4)
    t0, t1 = float(time_ms[0]), float(time_ms[-1])
    x = (np.asarray(time_ms, float) - t0) / max(t1 - t0, 1) * WIDTH

    def y(value: float) -> float:
        return round((HEIGHT - BOTTOM) * (1 - (value - low) / (high - low)), 1)

    hatched = _hatched(holes, t0, t1)
    # The first point after each hole begins a new line.
    torn = set(np.searchsorted(time_ms, hatched.after).tolist()) if hatched else set()
    lines = []
    for (name, _, css), values in zip(series, columns, strict=True):
        path, pen = [], "M"
        for i, (at, value) in enumerate(zip(x, values, strict=True)):
            if i in torn:
                pen = "M"
            if math.isfinite(value):
                path.append(f"{pen}{at:.1f} {y(float(value)):g}")
                pen = "L"
            else:
                pen = "M"
        lines.append(Line(name, "".join(path), css))
    return LinePlot(
        label,
        lines,
        [
            Tick(y(value), _axis_text(value, step) + unit)
            for value in _round_values(low, high, step)
        ],
        [Tick(0, formats.day(t0)), Tick(WIDTH, formats.day(t1))],
        y(0.0) if low < 0 < high else None,
        _rects(hatched, t0, t1) if hatched else [],
    )


def candle_plot(
    label: str,
    time_ms: Sequence[float],
    prices: tuple[Sequence[float], Sequence[float], Sequence[float], Sequence[float]],
    bar_ms: int,
    holes: Holes | None = None,
) -> LinePlot | None:
    """Candles of `prices` (open, high, low, close): a path of those that rose or stayed, and one of
    those that fell. None for fewer than two."""
    _, highs, lows, _ = prices
    frame = line_plot(label, time_ms, [("", highs, ""), ("", lows, "")], holes=holes)
    if frame is None:
        return None
    low, high = _padded(min(lows), max(highs))
    span = time_ms[-1] - time_ms[0]
    half = round(BODY * bar_ms / span * WIDTH / 2, 2)
    paths: dict[str, list[str]] = {"rose": [], "fell": []}
    for at, *values in zip(time_ms, *prices, strict=True):
        x = (at - time_ms[0]) / span * WIDTH
        o, h, bottom, c = (
            round((HEIGHT - BOTTOM) * (1 - (value - low) / (high - low)), 1) for value in values
        )
        paths["fell" if values[3] < values[0] else "rose"].append(
            f"M{x:.1f} {h:g}V{bottom:g}M{x - half:.1f} {o:g}H{x + half:.1f}V{c:g}H{x - half:.1f}Z"
        )
    lines = [Line(name, "".join(path), name) for name, path in paths.items()]
    return replace(frame, lines=lines)


def _hatched(holes: Holes | None, t0: float, t1: float) -> Holes | None:
    """The holes that are as wide as a unit of the picture."""
    if holes is None:
        return None
    return holes.between(int(t0), int(t1)).longer_than((t1 - t0) / WIDTH).longest()


def _rects(holes: Holes, t0: float, t1: float) -> list[tuple[float, float, str]]:
    left = (holes.before - t0) / (t1 - t0) * WIDTH
    width = (holes.after - holes.before) / (t1 - t0) * WIDTH
    return [
        (round(x, 1), round(w, 1), _hatching(x, w))
        for x, w in zip(left.tolist(), width.tolist(), strict=True)
    ]


def _hatching(left: float, width: float) -> str:
    """Parallel lines up to the right over the whole height, cut at the edges."""
    room = HEIGHT - BOTTOM
    path = []
    for foot in np.arange(-room, width, HATCH_STEP).tolist():
        x0, x1 = max(foot, 0.0), min(foot + room, width)
        path.append(
            f"M{left + x0:.1f} {room - x0 + foot:.1f}L{left + x1:.1f} {room - x1 + foot:.1f}"
        )
    return "".join(path)


def histogram(label: str, values: Sequence[float], unit: str = "") -> BarPlot | None:
    """How often results of each size occurred; losses and gains never share a bar."""
    data = np.asarray([v for v in values if v is not None and math.isfinite(v)], float)
    if len(data) < 2:
        return None
    # Outermost percent aside, else one extreme squeezes everything else into one bar.
    low, high = np.percentile(data, [1, 99]) if len(data) > 100 else (data.min(), data.max())
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    if high <= low:
        return None
    step = _nice_step((high - low) / 24)
    edges = np.arange(math.floor(low / step), math.ceil(high / step) + 1) * step
    counts, _ = np.histogram(np.clip(data, edges[0], edges[-1]), edges)
    top = max(int(counts.max()), 1)
    width = WIDTH / len(counts)
    room = HEIGHT - BOTTOM
    bars = []
    for i, count in enumerate(counts.tolist()):
        if not count:
            continue
        tall = max(1.0, room * count / top)
        gain = edges[i] >= -step / 1e6
        title = (
            f"{_axis_text(edges[i], step)} to {_axis_text(edges[i + 1], step)}{unit}: "
            f"{formats.plural(count, 'trade')}"
        )
        bars.append(
            Bar(
                round(i * width + 0.5, 1),
                round(room - tall, 1),
                round(max(width - 1, 1), 1),
                round(tall, 1),
                "bar-gain" if gain else "bar-loss",
                title,
            )
        )
    zero = (0.0 - edges[0]) / (edges[-1] - edges[0]) * WIDTH
    ticks = [Tick(at, _axis_text(edges[i], step) + unit) for at, i in ((0, 0), (WIDTH, -1))]
    if WIDTH * 0.12 < zero < WIDTH * 0.88:
        ticks.append(Tick(round(zero, 1), "0"))
    return BarPlot(label, bars, [Tick(10, f"{top:,}")], ticks)


def coverage(
    first: date,
    last: date,
    *,
    missing: Sequence[tuple[date, date]] = (),
    chosen: tuple[date, date] | None = None,
    resampled: bool = False,
    axis: tuple[date, date] | None = None,
) -> Picture:
    """The days `first` to `last`, stretches without bars marked, the chosen range framed.

    `axis` is the wider stretch of time on which several pictures are drawn under each other.
    """
    start_of_axis, end_of_axis = axis or (first, last)
    days = (end_of_axis - start_of_axis).days + 1

    def rect(start: date, end: date) -> tuple[float, float]:
        left = min(max((start - start_of_axis).days, 0), days)
        right = min(max((end - start_of_axis).days + 1, 0), days)
        return round(left / days * WIDTH, 1), round(max((right - left) / days * WIDTH, 1.0), 1)

    label = f"Bars from {first} to {last}"
    if missing:
        label += f", {formats.plural(len(missing), 'gap')}"
    if chosen:
        label += f"; chosen {chosen[0]} to {chosen[1]}"
    return Picture(
        start_of_axis.isoformat(),
        end_of_axis.isoformat(),
        [rect(first, last)],
        [rect(*stretch) for stretch in missing],
        rect(*chosen) if chosen and chosen[0] <= last and chosen[1] >= first else None,
        resampled,
        label,
    )


def _padded(low: float, high: float) -> tuple[float, float]:
    if high > low:
        return low - (high - low) * 0.04, high + (high - low) * 0.04
    room = abs(high) * 0.05 or 1.0
    return low - room, high + room


def _nice_step(about: float) -> float:
    """The smallest of 1, 2, 2.5, 5, 10 times a power of ten that is at least `about`."""
    power = 10.0 ** math.floor(math.log10(about))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= about * 0.999999)


def _round_values(low: float, high: float, step: float) -> list[float]:
    first = math.ceil(low / step)
    return [i * step for i in range(first, math.floor(high / step) + 1)]


def _axis_text(value: float, step: float) -> str:
    """`value` with the decimals that tell it from its neighbours `step` away."""
    size = abs(value)
    if size >= 1e6:
        return formats.number(value / 1e6, _decimals(step / 1e6)) + "M"
    if size >= 10_000 and step >= 1_000:
        return formats.number(value / 1e3, _decimals(step / 1e3)) + "k"
    return formats.number(value, _decimals(step)) if value else "0"


def _decimals(step: float) -> int:
    """The decimals of 1, 2, 2.5 or 5 times a power of ten."""
    power = math.floor(math.log10(step) + 1e-9)
    halved = abs(step / 10.0**power - 2.5) < 1e-9
    return min(MOST_DECIMALS, max(0, -power + halved))
