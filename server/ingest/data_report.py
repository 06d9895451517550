"""The account of a data check: plain records, and the table that people read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.history.careful_reader import when
from engine.history.wild_bars import wild_text

MAX_LISTED = 20
MAX_BROKEN_ROWS = 1000


@dataclass
class SeriesCheck:
    """One directory of one symbol and timeframe. Times in ms; `gaps` lists the largest."""

    directory: str
    symbol: str
    timeframe: str
    files: int = 0
    bars: int = 0
    first: int | None = None
    last: int | None = None
    missing_bars: int = 0
    gap_count: int = 0
    gaps: list[dict[str, int]] = field(default_factory=list)
    missing_days: int = 0
    empty_files: int = 0
    duplicates: int = 0
    unsorted: int = 0
    zero_volume_bars: int = 0
    zero_volume_stretches: list[dict[str, int]] = field(default_factory=list)
    outlier_count: int = 0
    outliers: list[dict[str, Any]] = field(default_factory=list)
    compared_bars: int = 0
    disagreement_count: int = 0
    disagreements: list[dict[str, Any]] = field(default_factory=list)
    broken_files: int = 0
    synthetic: bool = False


@dataclass
class DataReport:
    """What a check found. `broken` has one entry per bad row, up to MAX_BROKEN_ROWS."""

    path: str
    series: list[SeriesCheck] = field(default_factory=list)
    funding: list[dict[str, Any]] = field(default_factory=list)
    broken: list[dict[str, Any]] = field(default_factory=list)
    broken_paths: set[str] = field(default_factory=set)
    stray_files: list[str] = field(default_factory=list)

    @property
    def broken_files(self) -> int:
        return len(self.broken_paths)

    def to_document(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self) | {
            "broken_paths": sorted(self.broken_paths),
            "broken_files": self.broken_files,
        }


def table(report: DataReport) -> str:
    """The report for people."""
    head: tuple[str, ...] = (
        "directory", "first", "last", "files", "bars", "missing", "gaps", "copies", "disorder",
        "no volume", "wild", "contradict", "broken",
    )  # fmt: skip
    rows = [head]
    for s in report.series:
        place = _place(s, report)
        rows.append(
            (
                f"{place} (synthetic)" if s.synthetic else place,
                when(s.first) if s.first is not None else "-",
                when(s.last) if s.last is not None else "-",
                *(
                    f"{n:,}"
                    for n in (
                        s.files, s.bars, s.missing_bars, s.gap_count, s.duplicates, s.unsorted,
                        s.zero_volume_bars, s.outlier_count, s.disagreement_count, s.broken_files,
                    )
                ),
            )
        )  # fmt: skip
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [
        "  ".join(
            text.ljust(width) if i < 3 else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.extend(_details(report))
    return "\n".join(lines)


def _place(series: SeriesCheck, report: DataReport) -> str:
    """The series' folder as seen from what was checked: it names the market too."""
    base = Path(report.path)
    place = os.path.relpath(series.directory, base if base.is_dir() else base.parent)
    return place if place != "." else f"{series.symbol} {series.timeframe}"


def _bars(count: int) -> str:
    return "1 bar" if count == 1 else f"{count:,} bars"


def _details(report: DataReport) -> Iterator[str]:
    for f in report.funding:
        span = f"{when(f['first'])} to {when(f['last'])}" if f["settlements"] else "nothing"
        count = f"{f['settlements']:,} settlements in {f['files']:,} files"
        repeated = "repeated row" if f["duplicates"] == 1 else "repeated rows"
        copies = f", {f['duplicates']:,} {repeated}" if f["duplicates"] else ""
        yield f"funding {f['symbol']}: {count}, {span}{copies}"
    for s in report.series:
        name = _place(s, report)
        if s.gaps:
            gap = max(s.gaps, key=lambda g: g["bars"])
            yield f"{name}: the largest gap has {_bars(gap['bars'])} from {when(gap['start'])}"
        for stretch in s.zero_volume_stretches[:1]:
            yield (
                f"{name}: the longest stretch without volume has {_bars(stretch['bars'])} from "
                f"{when(stretch['start'])}"
            )
        for bar in s.outliers[:3]:
            yield (
                f"{name}: {when(int(bar['timestamp']))} {wild_text(bar)}, "
                f"{abs(bar['deviations']):,.1f} robust deviations"
            )
        for entry in s.disagreements[:3]:
            yield (
                f"{name}: {when(entry['timestamp'])} differs from {entry['finer']} in "
                f"{', '.join(entry['columns'])}"
            )
    for stray in report.stray_files[:MAX_LISTED]:
        yield f"{stray}: not where or not named as the store expects; never read"
    told: Counter[str] = Counter()
    for entry in report.broken:
        told[entry["file"]] += 1
        if told[entry["file"]] > MAX_LISTED:
            continue
        where = f"{entry['file']} line {entry['line']}" if entry["line"] else entry["file"]
        reason = entry["reason"].removeprefix(f"{entry['file']}: ")
        yield f"BROKEN {where}: {reason}"
    for file, problems in told.items():
        if problems > MAX_LISTED:
            yield f"BROKEN {file}: {problems - MAX_LISTED:,} more like these"
    if report.broken_files:
        yield f"{report.broken_files:,} broken file(s)"
