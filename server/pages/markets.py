"""Which markets a form offers: only symbols, modes, timeframes and dates that really exist."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from engine.catalogue import Coverage, DayPresence
from engine.enums import Timeframe
from server.outlook import Pace
from server.pages import formats, plots

PRESETS = {"all": None, "365d": 365, "90d": 90, "30d": 30}
DEFAULT_TIMEFRAME = Timeframe.H1
# A guess for the first run of a fresh installation; afterwards the user's own runs are the guide.
SECONDS_PER_BAR = 4e-6
SECONDS_PER_RUN = 0.7


@dataclass(frozen=True)
class MarketChoice:
    """What can be chosen beside what is chosen; `first` and `last` are days, ISO."""

    symbols: list[tuple[str, str]]
    modes: list[str]
    timeframes: list[tuple[str, str]]
    first: str
    last: str
    synthetic: bool
    preset: str
    picture: plots.Picture | None
    estimate: str


def choose(
    values: Mapping[str, str],
    catalogue: Sequence[Coverage],
    *,
    preset: str = "",
    keep_dates: bool = False,
    seconds_per_bar: float | None = None,
    days_of: Callable[[Coverage], Sequence[DayPresence]] = lambda _: (),
) -> tuple[dict[str, str], MarketChoice]:
    """`values` brought to what exists, and the choices around them.

    Dates outside the history are moved into it, but with `keep_dates`: then what a person
    typed stays and is judged where it stands. `days_of` tells which days of a series there are;
    without it every day between the first and the last is taken to be whole.
    """
    chosen = dict(values)
    if not catalogue:
        nothing = MarketChoice([], [], [], "", "", False, "", None, "There are no bars yet.")
        return {"symbol": "", "timeframe": "", "start_date": "", "end_date": ""} | chosen, nothing
    found = _nearest(chosen, catalogue)
    chosen |= {
        "symbol": found.symbol,
        "trading_mode": str(found.trading_mode),
        "timeframe": str(found.timeframe),
    }
    first, last = _day(found.first), _day(found.last)
    start, end = _parse(chosen.get("start_date")), _parse(chosen.get("end_date"))
    if preset in PRESETS or not (start and end):
        if not keep_dates or preset in PRESETS:
            start, end = _range(first, last, preset if preset in PRESETS else "365d")
    elif not keep_dates:
        overlap = start <= last and end >= first
        start, end = (max(start, first), min(end, last)) if overlap else (first, last)
    if start and end:
        chosen |= {"start_date": start.isoformat(), "end_date": end.isoformat()}
    else:
        chosen = {"start_date": "", "end_date": ""} | chosen
    return chosen, _choice(found, catalogue, start, end, seconds_per_bar, days_of(found))


def seconds_per_bar(pace: Pace | None) -> float | None:
    """What a bar costs beside what every run costs, from the runs of late."""
    if pace is None or pace.ns_per_bar <= 0:
        return None
    bars = pace.run_s * 1e9 / pace.ns_per_bar
    return max(1e-6, (pace.run_s - SECONDS_PER_RUN) / bars)


def holes(days: Sequence[DayPresence]) -> list[tuple[date, date]]:
    """The stretches of days that are missing, and the days that miss some of their bars."""
    present = [date.fromisoformat(entry.day) for entry in days]
    found = [
        (before + timedelta(days=1), after - timedelta(days=1))
        for before, after in pairwise(present)
        if (after - before).days > 1
    ]
    # A first or last day that is not whole is an edge, not a hole.
    found += [
        (date.fromisoformat(entry.day),) * 2 for entry in days[1:-1] if entry.bars < entry.expected
    ]
    return sorted(found)


def _nearest(values: Mapping[str, str], catalogue: Sequence[Coverage]) -> Coverage:
    """The series that agrees with most of what is chosen: symbol first, then mode, timeframe."""

    def fit(item: Coverage) -> tuple[bool, bool, bool, bool, bool, bool]:
        return (
            item.symbol == values.get("symbol"),
            str(item.trading_mode) == values.get("trading_mode", "spot"),
            str(item.timeframe) == values.get("timeframe"),
            not item.synthetic,
            str(item.trading_mode) == "spot",
            item.timeframe == DEFAULT_TIMEFRAME,
        )

    return max(catalogue, key=fit)


def _choice(
    found: Coverage,
    catalogue: Sequence[Coverage],
    start: date | None,
    end: date | None,
    seconds_per_bar: float | None,
    days: Sequence[DayPresence],
) -> MarketChoice:
    synthetic = {item.symbol for item in catalogue if item.synthetic}
    symbols = sorted({item.symbol for item in catalogue}, key=lambda s: (s in synthetic, s))
    of_symbol = [item for item in catalogue if item.symbol == found.symbol]
    of_mode = [item for item in of_symbol if item.trading_mode == found.trading_mode]
    order = list(Timeframe)
    first, last = _day(found.first), _day(found.last)
    ordered = bool(start and end and start <= end)
    picture = plots.coverage(
        first,
        last,
        missing=holes(days),
        chosen=(start, end) if ordered and start and end else None,
        resampled=found.source != "native",
    )
    preset = next(
        (name for name in PRESETS if (start, end) == _range(first, last, name)),
        "",
    )
    return MarketChoice(
        symbols=[(s, f"{s} (synthetic)" if s in synthetic else s) for s in symbols],
        modes=sorted({str(item.trading_mode) for item in of_symbol}),
        timeframes=[
            (str(item.timeframe), _timeframe_text(item))
            for item in sorted(of_mode, key=lambda item: order.index(item.timeframe))
        ],
        first=first.isoformat(),
        last=last.isoformat(),
        synthetic=found.synthetic,
        preset=preset,
        picture=picture,
        estimate=_estimate(found, start, end, seconds_per_bar, days),
    )


def _timeframe_text(item: Coverage) -> str:
    names = {"1m": "1 minute", "5m": "5 minutes", "15m": "15 minutes"}
    names |= {"1h": "1 hour", "4h": "4 hours", "1d": "1 day"}
    return names[str(item.timeframe)]


def _estimate(
    found: Coverage,
    start: date | None,
    end: date | None,
    seconds_per_bar: float | None,
    presence: Sequence[DayPresence],
) -> str:
    first, last = _day(found.first), _day(found.last)
    held = f"Bars exist from {first} to {last}."
    if not (start and end) or start > end:
        return held
    days = (min(end, last) - max(start, first)).days + 1
    if days <= 0:
        return f"There is no bar in this range. {held}"
    bars = min(round(found.bars / found.days * days), days * found.timeframe.bars_per_day)
    if presence:
        bars = sum(e.bars for e in presence if start <= date.fromisoformat(e.day) <= end)
    if not bars:
        return f"There is no bar in this range. {held}"
    seconds = SECONDS_PER_RUN + bars * (seconds_per_bar or SECONDS_PER_BAR)
    gaps = f" {formats.plural(found.gaps, 'gap')} in this history." if found.gaps else ""
    outside = f" {held}" if start < first or end > last else ""
    about = f"About {formats.plural(bars, 'bar')}, about {formats.roughly(seconds)} to run."
    return about + outside + gaps


def _range(first: date, last: date, preset: str) -> tuple[date, date]:
    days = PRESETS[preset]
    return (first if days is None else max(first, last - timedelta(days=days - 1))), last


def _day(moment_ms: int) -> date:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).date()


def _parse(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
