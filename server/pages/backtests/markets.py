"""Which markets a form offers: only symbols, modes, timeframes and dates that really exist."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from engine.enums import DAY_MS, Timeframe
from engine.history.catalogue import Coverage, DayPresence
from server.backtests.forecast import Pace
from server.pages.parts import date_ranges, formats, plots

PRESETS = {"all": None, "365d": 365, "90d": 90, "30d": 30}
NEWEST = "newest"  # the newest stretch without a hole, of at most a year
DEFAULT_TIMEFRAME = Timeframe.H1
# A guess for the first run of a fresh installation; afterwards the user's own runs are the guide.
SECONDS_PER_BAR = 4e-6
SECONDS_PER_RUN = 0.7


@dataclass(frozen=True)
class MarketChoice:
    """What can be chosen beside what is chosen; `first` and `last` are days, ISO.

    `missing` and `newest` are sentences: how much of the range has no bars, "" when hardly any is
    missing; and the newest stretch without a hole, "" where the history has none to avoid.
    """

    symbols: list[tuple[str, str]]
    modes: list[str]
    timeframes: list[tuple[str, str]]
    first: str
    last: str
    synthetic: bool
    preset: str
    picture: plots.Picture | None
    estimate: str
    missing: str = ""
    missing_detail: str = ""
    newest: str = ""


def choose(
    values: Mapping[str, str],
    catalogue: Sequence[Coverage],
    *,
    preset: str = "",
    keep_dates: bool = False,
    seconds_per_bar: float | None = None,
    days_of: Callable[[Coverage], Sequence[DayPresence]] = lambda _: (),
    avoid_holes: bool = False,
) -> tuple[dict[str, str], MarketChoice]:
    """`values` brought to what exists, and the choices around them.

    Without dates the range is the newest stretch without a hole. Dates outside the history are
    moved into it, but with `keep_dates`: then what a person typed stays and is judged where it
    stands. `avoid_holes` keeps a preset within the newest stretch. `days_of` tells which days of
    a series there are; without it every day between the first and the last is taken to be whole.
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
    days = days_of(found)
    first, last = _day(found.first), _day(found.last)
    newest = _newest(found, days)
    start, end = _parse(chosen.get("start_date")), _parse(chosen.get("end_date"))
    if preset in PRESETS:
        start, end = _range(*(newest if avoid_holes else (first, last)), preset)
    elif preset == NEWEST or not (start and end):
        if preset or not keep_dates:
            start, end = _range(*newest, "365d")
    elif not keep_dates:
        overlap = start <= last and end >= first
        start, end = (max(start, first), min(end, last)) if overlap else _range(*newest, "365d")
    if start and end:
        chosen |= {"start_date": start.isoformat(), "end_date": end.isoformat()}
    else:
        chosen = {"start_date": "", "end_date": ""} | chosen
    return chosen, _choice(found, catalogue, start, end, seconds_per_bar, days, newest)


def seconds_per_bar(pace: Pace | None) -> float | None:
    """What a bar costs beside what every run costs, from the runs of late."""
    if pace is None or pace.ns_per_bar <= 0:
        return None
    bars = pace.run_s * 1e9 / pace.ns_per_bar
    return max(1e-6, (pace.run_s - SECONDS_PER_RUN) / bars)


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
    newest: tuple[date, date],
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
        missing=date_ranges.holes(days),
        chosen=(start, end) if ordered and start and end else None,
        resampled=found.source != "native",
    )
    has_holes = newest[0] > first
    shortest = _range(*newest, "365d")
    preset = next((name for name in PRESETS if (start, end) == _range(first, last, name)), "")
    if has_holes and (start, end) == shortest:
        preset = NEWEST
    missing, detail = _missing(found, start, end, days) if ordered and start and end else ("", "")
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
        missing=missing,
        missing_detail=detail,
        newest=f"{shortest[0]} to {shortest[1]}" if has_holes else "",
    )


def _newest(found: Coverage, days: Sequence[DayPresence]) -> tuple[date, date]:
    """The newest stretch of a series without a hole, all of it where its days are not known."""
    step = found.timeframe.ms
    after_last = (DAY_MS - found.last % DAY_MS - step) // step
    stretch = date_ranges.newest_stretch(days, found.timeframe.bars_per_day, after_last)
    return stretch or (_day(found.first), _day(found.last))


def _missing(
    found: Coverage, start: date, end: date, days: Sequence[DayPresence]
) -> tuple[str, str]:
    """How much of the range has no bars, as a headline and what that means; "" when hardly any."""
    missing, expected = date_ranges.missing_of_days(days, start, end, found.timeframe.bars_per_day)
    if not days or not date_ranges.too_much_missing(missing, expected):
        return "", ""
    inside = [
        (max(first, start), min(last, end))
        for first, last in date_ranges.holes(days)
        if first <= end and last >= start
    ]
    longest = max(inside, key=lambda hole: hole[1] - hole[0], default=None)
    where = f", the longest stretch {longest[0]} to {longest[1]}" if longest else ""
    return (
        f"{date_ranges.share_text(missing, expected)} of the range has no bars",
        f"{missing:,} of {expected:,} are missing{where}. A position is held across a hole, and "
        "what the price did in it counts as the result of one bar.",
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
