"""Days of bars -> files of the store in each asked timeframe, and an account of what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.daily_files import Columns
from engine.enums import Timeframe, TradingMode, check_symbol
from engine.errors import DataError, ValidationError
from engine.file_checks import day_date
from engine.resample import finer_divisors, resample
from server.day_writer import day_content, day_path, write_if_changed

VOLUME_DECIMALS = 8
MAX_NOTES = 100


@dataclass
class IngestReport:
    """What reading some files did to the store. `notes` are sentences, at most MAX_NOTES."""

    files: int = 0
    rows: int = 0
    written: int = 0
    unchanged: int = 0
    kept: int = 0
    duplicates: int = 0
    left_out: int = 0
    missing: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        if len(self.notes) < MAX_NOTES:
            self.notes.append(text)

    def add(self, other: IngestReport) -> None:
        """Count what `other` counted too."""
        for name in ("files", "rows", "written", "unchanged", "kept", "duplicates", "left_out"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
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
            (self.kept, "kept because they hold more"),
            (self.duplicates, "duplicate rows dropped"),
            (self.left_out, "rows off the grid left out"),
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

    def check_source(self, source: Timeframe) -> None:
        """Raise DataError when bars of `source` cannot make one of the timeframes."""
        for timeframe in self.timeframes:
            if timeframe != source and source not in finer_divisors(timeframe):
                raise DataError(f"bars of {timeframe} cannot be made from bars of {source}")


class StoreWriter:
    """Writes each day in each timeframe of the target; `report` says what became of them."""

    def __init__(self, target: Target, report: IngestReport) -> None:
        self._target = target
        self.report = report

    def write_day(self, day: int, source: Timeframe, columns: Columns) -> None:
        """Store one day of bars of `source`.

        A file that holds more bars than the new one stays, and that is noted: half a day of
        trades must not replace a whole day that is there.
        """
        target = self._target
        for timeframe in target.timeframes:
            bars = columns
            if timeframe != source:
                bars, _ = resample(columns, source, timeframe)
                # Sums of decimals carry dust in their last digit; published ones do not.
                bars = bars._replace(volume=np.round(bars.volume, VOLUME_DECIMALS))
            path = day_path(
                target.data_directory, target.mode, target.symbol, timeframe, day_date(day)
            )
            if not target.overwrite and _rows_in(path) > len(bars.timestamp):
                self.report.kept += 1
                self.report.note(
                    f"{path.name} holds {_rows_in(path)} bars, the input {len(bars.timestamp)}; "
                    "the file was kept"
                )
            elif write_if_changed(path, day_content(bars)):
                self.report.written += 1
            else:
                self.report.unchanged += 1


def _rows_in(path: Path) -> int:
    try:
        return len(path.read_bytes().split()) - 1
    except FileNotFoundError:
        return 0


def parse_timeframes(texts: Sequence[str]) -> tuple[Timeframe, ...]:
    """Timeframes, fine to coarse. Raises ValidationError with what there is to choose from."""
    unknown = [text for text in texts if text not in tuple(Timeframe)]
    if unknown:
        raise ValidationError(f"timeframe {unknown[0]!r:.40} is not one of {', '.join(Timeframe)}")
    return tuple(timeframe for timeframe in Timeframe if timeframe in texts)
