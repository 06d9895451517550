"""What a reader of a result must know about its bars: counts, gaps, and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from engine.bars import Bars, Funding, Times
from engine.enums import DAY_MS, Timeframe
from engine.file_checks import day_date, day_number, when
from engine.wild_bars import wild_bars, wild_text

MAX_LISTED_GAPS = 10
MAX_LISTED_WILD_BARS = 10
FUNDING_GAP_MS = (8 * 60 + 5) * 60_000
SYNTHETIC_SYMBOLS = ("DEMOBTCUSDT", "DEMOETHUSDT")
SYNTHETIC_WARNING = "These prices are synthetic: they were made up and never traded."


@dataclass
class SourceCounts:
    """What was done to the files of a run to get its bars."""

    days_by_source: dict[str, int] = field(default_factory=dict)
    sorted_rows: int = 0
    duplicate_rows: int = 0
    partial_buckets: int = 0
    empty_days: int = 0


def describe_bars(bars: Bars, start: date, end: date, counts: SourceCounts) -> dict[str, Any]:
    """The `data_quality` of a run over `bars`, in plain JSON types. Needs at least one bar.

    `gaps` lists the largest stretches without a bar between the first and the last:
    `start` is the first missing bar's open time, `end` the open time of the bar after it.
    """
    step = bars.timeframe.ms
    first, last = int(bars.timestamp[0]), int(bars.timestamp[-1])
    gap_count, missing, gaps = find_gaps(bars.timestamp, step)
    zero_volume = int(np.count_nonzero(bars.volume == 0))
    wild = [bar.to_document() for bar in wild_bars(bars, bars.timeframe)]
    native = counts.days_by_source.get(str(bars.timeframe), 0)
    resampled = sum(counts.days_by_source.values()) - native
    quality: dict[str, Any] = {
        "requested": {"start": start.isoformat(), "end": end.isoformat()},
        "served": {
            "start": _day_of(first).isoformat(),
            "end": _day_of(last).isoformat(),
            "first": first,
            "last": last,
        },
        "synthetic": is_synthetic(bars.symbol),
        "bars": len(bars),
        "missing_bars": missing,
        "gap_count": gap_count,
        "gaps": gaps,
        "sorted_rows": counts.sorted_rows,
        "duplicate_rows": counts.duplicate_rows,
        "days_by_source": dict(counts.days_by_source),
        "resampled_days": resampled,
        "partial_buckets": counts.partial_buckets,
        "empty_days": counts.empty_days,
        "zero_volume_bars": zero_volume,
        "wild_bar_count": len(wild),
        "wild_bars": sorted(wild, key=lambda bar: -abs(bar["deviations"]))[:MAX_LISTED_WILD_BARS],
        "funding_gaps": [],
        "warnings": [],
    }
    quality["warnings"] = _warnings(bars.timeframe, start, end, quality)
    return quality


def is_synthetic(symbol: str) -> bool:
    """Whether the symbol is one of the made-up ones, which must be called so wherever shown."""
    return symbol in SYNTHETIC_SYMBOLS


def find_gaps(timestamp: Times, step: int) -> tuple[int, int, list[dict[str, int]]]:
    """(stretches without a bar, bars missing in all of them, the largest stretches)."""
    jumps = np.diff(timestamp)
    holes = np.flatnonzero(jumps > step)
    missing = jumps[holes] // step - 1
    largest = np.sort(holes[np.argsort(-missing, kind="stable")[:MAX_LISTED_GAPS]])
    gaps = [
        {
            "start": int(timestamp[i] + step),
            "end": int(timestamp[i + 1]),
            "bars": int(jumps[i] // step - 1),
        }
        for i in largest
    ]
    return len(holes), int(missing.sum()), gaps


def describe_funding(funding: Funding, bars: Bars, counts: Mapping[str, int]) -> dict[str, Any]:
    """Additions to `data_quality`: stretches without a settlement while bars exist."""
    edges = np.concatenate(
        (bars.timestamp[:1], funding.timestamp, bars.timestamp[-1:] + bars.timeframe.ms)
    )
    inside = (edges >= edges[0]) & (edges <= edges[-1])
    edges = np.maximum.accumulate(edges[inside])
    gaps = []
    for index in np.flatnonzero(np.diff(edges) > FUNDING_GAP_MS):
        start, end = int(edges[index]), int(edges[index + 1])
        held = np.searchsorted(bars.timestamp, (start, end))
        if held[1] > held[0]:
            hours = round((end - start) / 3_600_000, 2)
            gaps.append({"start": start, "end": end, "hours": hours})
    warnings = []
    copies = counts.get("duplicates", 0)
    if copies:
        warnings.append(
            f"{_count(copies, 'row')} repeat{'s' if copies == 1 else ''} a settlement of funding "
            "less than a minute apart; each settlement counts once."
        )
    if gaps:
        longest = max(gaps, key=lambda gap: gap["hours"])
        warnings.append(
            f"Funding is not known for {_count(len(gaps), 'stretch', 'stretches')} of more than "
            "8 hours; the longest is "
            f"{longest['hours']:g} h from {when(int(longest['start']))} UTC. Nothing was paid or "
            "received in them."
        )
    return {
        "funding_rates": len(funding.timestamp),
        "funding_sorted_rows": counts.get("unsorted", 0),
        "funding_duplicate_rows": copies,
        "funding_gap_count": len(gaps),
        "funding_gaps": sorted(gaps, key=lambda gap: -gap["hours"])[:MAX_LISTED_GAPS],
        "warnings": warnings,
    }


def _warnings(timeframe: Timeframe, start: date, end: date, quality: dict[str, Any]) -> list[str]:
    said = []
    first, last = quality["served"]["first"], quality["served"]["last"]
    if quality["synthetic"]:
        said.append(SYNTHETIC_WARNING)
    if first > day_number(start) * DAY_MS:
        said.append(f"The range was asked for from {start}; the data starts {when(first)} UTC.")
    if last + timeframe.ms < (day_number(end) + 1) * DAY_MS:
        said.append(f"The range was asked for up to {end}; the last bar opens {when(last)} UTC.")
    if quality["missing_bars"]:
        said.append(missing_warning(quality))
    if quality["resampled_days"]:
        finer = ", ".join(t for t in quality["days_by_source"] if t != timeframe)
        said.append(
            f"{_were(quality['resampled_days'], 'day')} built from finer bars ({finer})"
            + (
                f"; {_count(quality['partial_buckets'], 'bar')} from an incomplete set."
                if quality["partial_buckets"]
                else "."
            )
        )
    if quality["sorted_rows"] or quality["duplicate_rows"]:
        said.append(
            f"{_were(quality['sorted_rows'], 'row')} out of order and "
            + _count(quality["duplicate_rows"], "exact copy of another", "exact copies of others")
            + "; they were sorted and dropped."
        )
    if quality["empty_days"]:
        said.append(f"{_count(quality['empty_days'], 'file')} with a header and no bar.")
    if quality["zero_volume_bars"]:
        said.append(f"{_count(quality['zero_volume_bars'], 'bar')} without volume.")
    if quality["wild_bar_count"]:
        worst = quality["wild_bars"][0]
        said.append(
            f"{_are(quality['wild_bar_count'], 'bar')} far out of line with the others, as a bad "
            "print or another coin under the same name would be; "
            f"{'the furthest, ' if quality['wild_bar_count'] > 1 else ''}"
            f"{when(worst['timestamp'])} UTC, {wild_text(worst)}. Fills on it may be of no meaning."
        )
    return said


def missing_warning(quality: Mapping[str, Any]) -> str:
    """The warning on missing bars, of which `quality` must have some."""
    largest = max(quality["gaps"], key=lambda gap: gap["bars"])
    return (
        f"{_are(quality['missing_bars'], 'bar')} missing in "
        f"{_count(quality['gap_count'], 'gap')}; the largest has {largest['bars']:,} from "
        f"{when(largest['start'])} UTC."
    )


def _day_of(timestamp_ms: int) -> date:
    return day_date(timestamp_ms // DAY_MS)


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _are(number: int, noun: str) -> str:
    return f"{_count(number, noun)} {'is' if number == 1 else 'are'}"


def _were(number: int, noun: str) -> str:
    return f"{_count(number, noun)} {'was' if number == 1 else 'were'}"
