"""Days of bars -> files of the store in each asked timeframe, and an account of what happened.

Bars that are stored stay: new ones join them, and one that contradicts a stored one is refused
unless the target may overwrite. A coarser bar is built of whole buckets only.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.enums import Timeframe, TradingMode, check_symbol
from engine.errors import ValidationError
from engine.history.careful_reader import (
    BrokenFileError,
    FileProblem,
    broken,
    day_date,
    parse_timestamp,
    split_lines,
)
from engine.history.day_files import parse_days, read_file, stat_day_file
from engine.history.resample import finer_divisors
from server.ingest.day_rows import DayRows, Places, join_rows, whole_buckets
from server.ingest.day_writer import day_content, day_path, write_if_changed

MAX_NOTES = 100
# Days that are judged together before the first of them is written.
MAX_PENDING_DAYS = 400
MAX_PROBLEMS = 1000


class StoredDataError(BrokenFileError):
    """What the store holds stands in the way: `problems` are contradictions, or broken files."""

    def __str__(self) -> str:
        return f"{super().__str__()}; what is stored is replaced on request only (--overwrite)"


@dataclass
class IngestReport:
    """What reading some files did to the store. `notes` are sentences, at most MAX_NOTES."""

    files: int = 0
    rows: int = 0
    written: int = 0
    unchanged: int = 0
    joined: int = 0
    duplicates: int = 0
    left_out: int = 0
    incomplete: int = 0
    missing: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        if len(self.notes) < MAX_NOTES:
            self.notes.append(text)

    def add(self, other: IngestReport) -> None:
        """Count what `other` counted too."""
        for name, value in self.__dict__.items():
            if isinstance(value, int):
                setattr(self, name, value + getattr(other, name))
        self.missing.extend(other.missing)
        self.failed.extend(other.failed)
        for text in other.notes:
            self.note(text)

    def to_document(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def summary(self) -> str:
        """One line for a person."""
        parts = [f"{self.written:,} files written", f"{self.unchanged:,} were there already"]
        for count, text in (
            (self.joined, "of them joined with stored bars"),
            (self.duplicates, "duplicate rows dropped"),
            (self.left_out, "rows off the grid left out"),
            (self.incomplete, "bars not built because source bars are missing"),
            (len(self.missing), "not published"),
            (len(self.failed), "failed"),
        ):
            if count:
                parts.append(f"{count:,} {text}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Target:
    """Where converted bars go. `overwrite`: the input is the authority, whatever is there."""

    data_directory: Path
    symbol: str
    mode: TradingMode
    timeframes: tuple[Timeframe, ...]
    overwrite: bool = False

    def __post_init__(self) -> None:
        check_symbol(self.symbol)
        if not self.timeframes:
            raise ValidationError("name at least one timeframe")

    def check_source(self, source: Timeframe, where: Path) -> None:
        """Raise DataError when bars of `source` cannot make one of the timeframes."""
        for timeframe in self.timeframes:
            if timeframe != source and source not in finer_divisors(timeframe):
                raise broken(where, f"bars of {timeframe} cannot be made from bars of {source}")

    def path(self, timeframe: Timeframe, day: int) -> Path:
        return day_path(self.data_directory, self.mode, self.symbol, timeframe, day_date(day))


@dataclass(frozen=True, eq=False)
class _Pending:
    """A file to be written: `rows` are all of it, `fresh` what this input brought of them."""

    rows: DayRows
    fresh: DayRows
    kept_bars: int

    @property
    def added_bars(self) -> int:
        return len(self.rows.columns.timestamp) - self.kept_bars


class StoreWriter:
    """Takes days, and writes them together when they are sound; `report` says what became of them.

    `dry`: everything is judged and nothing written.
    """

    def __init__(self, report: IngestReport, *, dry: bool = False) -> None:
        self.report = report
        self._dry = dry
        self._pending: dict[Path, _Pending] = {}
        self._problems: list[FileProblem] = []

    def write_day(self, target: Target, day: int, rows: DayRows) -> None:
        """Take one day of bars; `flush` has to follow the last one.

        Raises BrokenFileError for bars of this input that contradict each other, StoredDataError
        when MAX_PENDING_DAYS were taken and one contradicts what is stored.
        """
        source = rows.timeframe
        whole = self._take(target, day, rows) if source in target.timeframes else rows
        for timeframe in target.timeframes:
            if timeframe == source:
                continue
            bars, incomplete = whole_buckets(whole, timeframe)
            if incomplete:
                self.report.incomplete += incomplete
                self.report.note(
                    f"{target.path(timeframe, day).name}: {incomplete} of "
                    f"{incomplete + len(bars.columns.timestamp)} bars lack {source} bars and were "
                    "not built"
                )
            if len(bars.columns.timestamp):
                self._take(target, day, bars, built=True)
        if len(self._pending) >= MAX_PENDING_DAYS or len(self._problems) >= MAX_PROBLEMS:
            self.flush()

    def _take(self, target: Target, day: int, rows: DayRows, *, built: bool = False) -> DayRows:
        """The whole of the day's file as it will be: what is stored joined with `rows`."""
        path = target.path(rows.timeframe, day)
        before = self._pending.get(path)
        if before:
            rows, _, conflicts = join_rows([before.fresh, rows], tolerant=built)
            if conflicts:
                raise BrokenFileError(conflicts)
        stored = _stored(target, path, rows.timeframe, day, built=built)
        if stored is None:
            whole, kept_bars = rows, 0
        elif target.overwrite:
            # The input makes some of the day's bars only; it says nothing about the others.
            others = ~np.isin(stored.columns.timestamp, rows.columns.timestamp)
            whole, _, _ = join_rows([stored.take(np.flatnonzero(others)), rows])
            kept_bars = 0
        else:
            whole, _, conflicts = join_rows([stored, rows], tolerant=built)
            if conflicts:
                stored = replace(stored, places=_places_in(path, stored))
                _, _, conflicts = join_rows([stored, rows], tolerant=built)
            self._problems.extend(conflicts)
            kept_bars = len(stored.columns.timestamp)
        self._pending[path] = _Pending(whole, rows, kept_bars)
        return whole

    def flush(self) -> None:
        """Write the days taken so far. Raises StoredDataError, and then writes none of them."""
        problems, self._problems = self._problems, []
        pending, self._pending = self._pending, {}
        if problems:
            raise StoredDataError(problems)
        for path, file in pending.items():
            if file.kept_bars and not file.added_bars:
                self.report.unchanged += 1
            elif self._dry or write_if_changed(path, day_content(file.rows.columns)):
                self.report.written += 1
                self.report.joined += file.kept_bars > 0
            else:
                self.report.unchanged += 1


def _stored(
    target: Target, path: Path, timeframe: Timeframe, day: int, *, built: bool
) -> DayRows | None:
    """The bars of a day that is stored, None where there is none or all of it is replaced.

    Raises StoredDataError when the file is broken and may not be replaced.
    """
    if target.overwrite and not built:
        return None
    root = os.path.realpath(target.data_directory / "binance")
    file = stat_day_file(path, timeframe, day, root)
    if file is None:
        return None
    try:
        columns = parse_days([file]).columns
    except BrokenFileError as failure:
        if target.overwrite:
            return None
        raise StoredDataError(failure.problems) from None
    lines = np.zeros(len(columns.timestamp), np.int64)
    return DayRows.of(timeframe, columns, Places.of_file(path, lines))


def _places_in(path: Path, rows: DayRows) -> Places:
    """The line of each of the rows, which were read from the file."""
    lines: dict[int, int] = {}
    for number, line in enumerate(split_lines(read_file(path)), start=1):
        timestamp, reasons = parse_timestamp(line.split(",")[0])
        if not reasons:
            lines.setdefault(timestamp, number)
    found = [lines.get(timestamp, 0) for timestamp in rows.columns.timestamp.tolist()]
    return Places.of_file(path, np.array(found, np.int64))


def parse_timeframes(texts: Sequence[str]) -> tuple[Timeframe, ...]:
    """Timeframes, fine to coarse. Raises ValidationError with what there is to choose from."""
    unknown = [text for text in texts if text not in tuple(Timeframe)]
    if unknown:
        raise ValidationError(f"timeframe {unknown[0]!r:.40} is not one of {', '.join(Timeframe)}")
    return tuple(timeframe for timeframe in Timeframe if timeframe in texts)
