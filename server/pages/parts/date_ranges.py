"""Ranges of days: the one that a form begins with, and how much of one has no bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from engine.enums import Timeframe
from engine.history.catalogue import DayPresence

# Above this share of missing bars a range is not what its dates say.
MAX_MISSING_SHARE = 0.01
ONE_DAY = timedelta(days=1)


def newest_stretch(
    days: Sequence[DayPresence], bars_per_day: int, bars_after_last: int = 0
) -> tuple[date, date] | None:
    """The newest days without more than a day's bars missing in a row; None without any bar.

    `bars_after_last` of the last day's bars are missing after the history's end, which is no
    hole. Where in a day its bars are missing is not known: between two whole days all that is
    missing counts as one hole, so a stretch may begin too late and never too early.
    """
    held = {date.fromisoformat(entry.day): entry.bars for entry in days if entry.bars}
    if not held:
        return None
    start = end = day = max(held)
    missing = bars_per_day - held[end] - bars_after_last
    while missing <= bars_per_day:
        if held.get(day, 0):
            start = day
        if held.get(day) == bars_per_day:
            missing = 0
        day -= ONE_DAY
        if day < min(held):
            break
        missing += bars_per_day - held.get(day, 0)
    return start, end


def missing_of_days(
    days: Sequence[DayPresence], start: date, end: date, bars_per_day: int
) -> tuple[int, int]:
    """(bars missing, bars expected) of the days `start` to `end`.

    The first and the last day with bars may begin late and end early: that is no hole.
    """
    inside = [e for e in days if e.bars and start <= date.fromisoformat(e.day) <= end]
    expected = ((end - start).days + 1) * bars_per_day
    edges = inside[:1] + inside[1:][-1:]
    excused = sum(max(0, entry.expected - entry.bars) for entry in edges)
    return max(0, expected - sum(e.bars for e in inside) - excused), expected


def missing_of_run(quality: Mapping[str, Any], timeframe: Timeframe) -> tuple[int, int]:
    """(bars missing, bars expected) of a run's range, by its `data_quality`.

    Days before the first and after the last day served are missing as well; the first and the
    last day served may begin late and end early.
    """
    if not quality.get("served"):
        return 0, 0
    edges = [
        abs((date.fromisoformat(quality["served"][end]) - _day(quality["requested"][end])).days)
        for end in ("start", "end")
    ]
    missing = int(quality["missing_bars"]) + sum(edges) * timeframe.bars_per_day
    return missing, int(quality["bars"]) + missing


def share_text(missing: int, expected: int) -> str:
    """The share of missing bars for a headline: "92 %", "1.4 %"; never "100 %" of some."""
    percent = missing / expected * 100
    if missing < expected and percent > 99:
        return "more than 99 %"
    return f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"


def too_much_missing(missing: int, expected: int) -> bool:
    return expected > 0 and missing > MAX_MISSING_SHARE * expected


def holes(days: Sequence[DayPresence]) -> list[tuple[date, date]]:
    """The stretches of days that are missing, and the days that miss some of their bars."""
    present = [date.fromisoformat(entry.day) for entry in days]
    found = [
        (before + ONE_DAY, after - ONE_DAY)
        for before, after in pairwise(present)
        if after - before > ONE_DAY
    ]
    # A first or last day that is not whole is an edge, not a hole.
    found += [
        (date.fromisoformat(entry.day),) * 2 for entry in days[1:-1] if entry.bars < entry.expected
    ]
    return sorted(found)


def _day(text: str) -> date:
    return date.fromisoformat(text)
