"""Bars of one UTC day together with the file and line that each was read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.bars import Times
from engine.enums import DAY_MS, Timeframe
from engine.errors import told
from engine.history.careful_reader import Conflict, when
from engine.history.day_files import NO_ROWS, Columns, join_columns
from engine.history.resample import resample

VOLUME_DECIMALS = 8
# Sums of decimals may differ from the published sum in their last digits.
SUM_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Places:
    """Where each row was read: `files[index[i]]` at line `line[i]` (0: no line of its own)."""

    files: tuple[Path, ...]
    index: npt.NDArray[np.int64]
    line: Times

    @classmethod
    def of_file(cls, path: Path, line: Times) -> Places:
        return cls((path,), np.zeros(len(line), np.int64), line)

    def take(self, rows: npt.NDArray[np.int64]) -> Places:
        return Places(self.files, self.index[rows], self.line[rows])

    def place(self, row: int) -> tuple[Path, int]:
        return self.files[int(self.index[row])], int(self.line[row])


@dataclass(frozen=True, eq=False)
class DayRows:
    """Bars of one day in one timeframe.

    `covered`, shape (bars_per_day,), marks the slots that are known: those with a bar, and those
    that are known to have none because nothing was traded in them.
    """

    timeframe: Timeframe
    columns: Columns
    places: Places
    covered: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, timeframe: Timeframe, columns: Columns, places: Places) -> DayRows:
        """Rows of which nothing is known but their bars."""
        covered = np.zeros(timeframe.bars_per_day, np.bool_)
        covered[columns.timestamp % DAY_MS // timeframe.ms] = True
        return cls(timeframe, columns, places, covered)

    def take(self, rows: npt.NDArray[np.int64]) -> DayRows:
        columns = Columns(self.columns.timestamp[rows], *(c[rows] for c in self.columns[1:]))
        return DayRows(self.timeframe, columns, self.places.take(rows), self.covered)


def join_rows(
    parts: Sequence[DayRows], *, tolerant: bool = False
) -> tuple[DayRows, int, list[Conflict]]:
    """(the bars of all parts in order, exact copies dropped, bars that contradict another).

    Of several rows for one time the first part's stays. `tolerant` lets volumes differ by
    rounding, for bars that were summed up.
    """
    timeframe = parts[0].timeframe
    files = tuple(path for part in parts for path in part.places.files)
    shifts = np.cumsum([0, *(len(part.places.files) for part in parts)])
    index = np.concatenate(
        [part.places.index + shift for part, shift in zip(parts, shifts, strict=False)]
    )
    line = np.concatenate([part.places.line for part in parts])
    rows = DayRows(
        timeframe,
        join_columns([part.columns for part in parts]),
        Places(files, index, line),
        np.logical_or.reduce([part.covered for part in parts]),
    )
    rows = rows.take(np.argsort(rows.columns.timestamp, kind="stable"))
    times = rows.columns.timestamp
    new = np.r_[True, times[1:] != times[:-1]] if len(times) else np.empty(0, np.bool_)
    first = np.maximum.accumulate(np.where(new, np.arange(len(times)), 0)) if len(times) else times
    differs: npt.NDArray[np.bool_] = np.zeros(len(times), np.bool_)
    for name, column in zip(Columns._fields[1:], rows.columns[1:], strict=True):
        limit = SUM_TOLERANCE * np.abs(column) if tolerant and name == "volume" else 0.0
        differs |= np.abs(column - column[first]) > limit
    conflicts = [_conflict(rows, int(i), int(first[i])) for i in np.flatnonzero(differs)]
    copies = int(np.count_nonzero(~new & ~differs))
    return rows.take(np.flatnonzero(new)), copies, conflicts


def _conflict(rows: DayRows, row: int, other: int) -> Conflict:
    columns = rows.columns
    here, there = [], []
    for name, column in zip(Columns._fields[1:], columns[1:], strict=True):
        if column[row] != column[other]:
            here.append(f"{name} {told(float(column[row]))}")
            there.append(told(float(column[other])))
    reason = (
        f"two different {rows.timeframe} bars open at {when(int(columns.timestamp[row]))}: "
        f"{', '.join(here)} here, {', '.join(there)} in"
    )
    path, line = rows.places.place(row)
    return Conflict(path, line, reason, *rows.places.place(other))


def whole_buckets(rows: DayRows, target: Timeframe) -> tuple[DayRows, int]:
    """Bars of the coarser `target` whose every slot is covered, and how many bars were not built.

    The place of a bar is that of its first source bar.
    """
    ratio = target.ms // rows.timeframe.ms
    covered = np.all(rows.covered.reshape(-1, ratio), axis=1)
    built, _ = resample(rows.columns, rows.timeframe, target)
    if not len(built.timestamp):
        return DayRows.of(target, NO_ROWS, rows.places.take(np.empty(0, np.int64))), 0
    # Sums of decimals carry dust in their last digit; published ones do not.
    built = built._replace(volume=np.round(built.volume, VOLUME_DECIMALS))
    firsts = np.searchsorted(rows.columns.timestamp, built.timestamp)
    whole = covered[built.timestamp % DAY_MS // target.ms]
    bars = DayRows(target, built, rows.places.take(firsts), covered)
    return bars.take(np.flatnonzero(whole)), int(np.count_nonzero(~whole))
