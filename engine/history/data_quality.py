"""What a reader of a result must know about its bars: counts, gaps, and warnings made of them.

`data_quality` is plain JSON whose `warnings` are sentences. Whoever wants to know what a sentence
is about asks `data_warnings`, which makes a record of each out of the same counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import numpy as np

from engine.bars import Bars, Funding, Times
from engine.enums import DAY_MS, Timeframe
from engine.history.careful_reader import day_date, day_number, when
from engine.history.wild_bars import wild_bars, wild_text

MAX_LISTED_GAPS = 10
MAX_LISTED_WILD_BARS = 10
FUNDING_GAP_MS = (8 * 60 + 5) * 60_000
SYNTHETIC_SYMBOLS = ("DEMOBTCUSDT", "DEMOETHUSDT")

Kind = Literal[
    "synthetic",
    "late_start",
    "early_end",
    "missing_bars",
    "resampled_days",
    "mended_rows",
    "empty_files",
    "zero_volume",
    "wild_bars",
    "repeated_settlements",
    "funding_gaps",
]


@dataclass(frozen=True)
class DataWarning:
    """What a reader must be warned of; `count` bars, days, rows or stretches, where any."""

    kind: Kind
    text: str
    count: int | None = None
    timestamp: int | None = None  # of the first, largest or furthest, where one is named


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
    }
    return with_warnings(quality, bars.timeframe)


def with_warnings(quality: Mapping[str, Any], timeframe: Timeframe) -> dict[str, Any]:
    """`quality` with the sentences that its counts ask for."""
    texts = [warning.text for warning in data_warnings(quality, timeframe)]
    return {**quality, "warnings": texts}


def data_warnings(quality: Mapping[str, Any], timeframe: Timeframe) -> list[DataWarning]:
    """The warnings that a `data_quality` asks for, in the order in which they are told.

    What an older version did not count is not warned of.
    """
    return [
        *_range_warnings(quality, timeframe),
        *_file_warnings(quality, timeframe),
        *_bar_warnings(quality),
        *_funding_warnings(quality),
    ]


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
    return {
        "funding_rates": len(funding.timestamp),
        "funding_sorted_rows": counts.get("unsorted", 0),
        "funding_duplicate_rows": counts.get("duplicates", 0),
        "funding_gap_count": len(gaps),
        "funding_gaps": sorted(gaps, key=lambda gap: -gap["hours"])[:MAX_LISTED_GAPS],
    }


def _range_warnings(quality: Mapping[str, Any], timeframe: Timeframe) -> Iterator[DataWarning]:
    if quality.get("synthetic"):
        yield DataWarning(
            "synthetic", "These prices are synthetic: they were made up and never traded."
        )
    if not quality.get("requested"):
        return
    start, end = (date.fromisoformat(quality["requested"][edge]) for edge in ("start", "end"))
    first, last = quality["served"]["first"], quality["served"]["last"]
    if first > day_number(start) * DAY_MS:
        text = f"The range was asked for from {start}; the data starts {when(first)} UTC."
        yield DataWarning("late_start", text, timestamp=first)
    if last + timeframe.ms < (day_number(end) + 1) * DAY_MS:
        text = f"The range was asked for up to {end}; the last bar opens {when(last)} UTC."
        yield DataWarning("early_end", text, timestamp=last)
    if missing := quality.get("missing_bars"):
        largest = max(quality["gaps"], key=lambda gap: gap["bars"])
        yield DataWarning(
            "missing_bars",
            f"{_are(missing, 'bar')} missing in {_count(quality['gap_count'], 'gap')}; the "
            f"largest has {largest['bars']:,} from {when(largest['start'])} UTC.",
            missing,
            largest["start"],
        )


def _file_warnings(quality: Mapping[str, Any], timeframe: Timeframe) -> Iterator[DataWarning]:
    if resampled := quality.get("resampled_days"):
        finer = ", ".join(t for t in quality["days_by_source"] if t != timeframe)
        partial = quality["partial_buckets"]
        yield DataWarning(
            "resampled_days",
            f"{_were(resampled, 'day')} built from finer bars ({finer})"
            + (f"; {_count(partial, 'bar')} from an incomplete set." if partial else "."),
            resampled,
        )
    unsorted, copies = quality.get("sorted_rows", 0), quality.get("duplicate_rows", 0)
    if unsorted or copies:
        yield DataWarning(
            "mended_rows",
            f"{_were(unsorted, 'row')} out of order and "
            + _count(copies, "exact copy of another", "exact copies of others")
            + "; they were sorted and dropped.",
            unsorted + copies,
        )
    if empty := quality.get("empty_days"):
        text = f"{_count(empty, 'file')} with a header and no bar."
        yield DataWarning("empty_files", text, empty)


def _bar_warnings(quality: Mapping[str, Any]) -> Iterator[DataWarning]:
    if still := quality.get("zero_volume_bars"):
        yield DataWarning("zero_volume", f"{_count(still, 'bar')} without volume.", still)
    if wild := quality.get("wild_bar_count"):
        worst = quality["wild_bars"][0]
        yield DataWarning(
            "wild_bars",
            f"{_are(wild, 'bar')} far out of line with the others, as a bad print or another coin "
            f"under the same name would be; {'the furthest, ' if wild > 1 else ''}"
            f"{when(worst['timestamp'])} UTC, {wild_text(worst)}. "
            "Fills on it may be of no meaning.",
            wild,
            worst["timestamp"],
        )


def _funding_warnings(quality: Mapping[str, Any]) -> Iterator[DataWarning]:
    if copies := quality.get("funding_duplicate_rows"):
        yield DataWarning(
            "repeated_settlements",
            f"{_count(copies, 'row')} repeat{'s' if copies == 1 else ''} a settlement of funding "
            "less than a minute apart; each settlement counts once.",
            copies,
        )
    if quality.get("funding_gaps"):
        count = quality["funding_gap_count"]
        longest = max(quality["funding_gaps"], key=lambda gap: gap["hours"])
        yield DataWarning(
            "funding_gaps",
            f"Funding is not known for {_count(count, 'stretch', 'stretches')} of more than "
            f"8 hours; the longest is {longest['hours']:g} h from {when(longest['start'])} UTC. "
            "Nothing was paid or received in them.",
            count,
            longest["start"],
        )


def _day_of(timestamp_ms: int) -> date:
    return day_date(timestamp_ms // DAY_MS)


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _are(number: int, noun: str) -> str:
    return f"{_count(number, noun)} {'is' if number == 1 else 'are'}"


def _were(number: int, noun: str) -> str:
    return f"{_count(number, noun)} {'was' if number == 1 else 'were'}"
