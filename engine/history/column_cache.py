"""Parsed rows of one series, kept on disk as memory-mapped columns; rebuildable at any time.

One file holds a series (market, symbol, timeframe): a table with one line per day, which says from
which state of which CSV file the rows came, then the six columns, contiguous, in day order. The
kernel's page cache is the one copy that every process on the machine shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.history.column_file import ColumnFile, Mapping, read_columns, write_columns
from engine.history.day_files import NO_ROWS, Columns

KIND = "bars 2"

# One day: the CSV file's state when it was parsed, what was found, and where its rows are.
DAY_DTYPE = np.dtype(
    [
        ("day", "<i8"),
        ("size", "<i8"),
        ("mtime_ns", "<i8"),
        ("start", "<i8"),
        ("rows", "<i8"),
        ("unsorted", "<i8"),
        ("duplicates", "<i8"),
        ("checksum", "<u8"),
    ]
)
NO_DAYS = np.empty(0, DAY_DTYPE)


@dataclass(frozen=True, eq=False)
class Series:
    """Days in ascending order (DAY_DTYPE) and their rows, one after the other, without a hole."""

    days: npt.NDArray[np.void]
    columns: Columns
    mapping: Mapping | None = None

    def positions(self, days: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Index of each of `days` in the table, -1 where it is not there."""
        if not len(self.days):
            return np.full(len(days), -1, np.int64)
        found = np.searchsorted(self.days["day"], days)
        found[found == len(self.days)] = 0
        return np.where(self.days["day"][found] == days, found, -1)

    def rows(self, positions: npt.NDArray[np.int64]) -> list[Columns]:
        """The rows of days at ascending `positions`; neighbours come as one piece, not copied."""
        if not len(positions):
            return []
        breaks = np.flatnonzero(np.diff(positions) != 1) + 1
        pieces = []
        for run in np.split(positions, breaks):
            first, last = self.days[run[0]], self.days[run[-1]]
            pieces.append(self.columns.take(int(first["start"]), int(last["start"] + last["rows"])))
        return pieces


EMPTY_SERIES = Series(NO_DAYS, NO_ROWS)


def day_checksums(columns: Columns, days: npt.NDArray[np.void]) -> npt.NDArray[np.uint64]:
    """One number per day over all bytes of its rows, column by column; (n_days,).

    It names the content of a day in the key of bars: rows that change places change it too.
    """
    sums = np.zeros(len(days), np.uint64)
    for index, (start, rows) in enumerate(zip(days["start"], days["rows"], strict=True)):
        digest = blake2b(digest_size=8)
        for column in columns:
            digest.update(np.ascontiguousarray(column[start : start + rows]).data)
        sums[index] = int.from_bytes(digest.digest(), "little")
    return sums


def read_series(path: Path) -> Series | None:
    """The mapped series, None when there is none or the file is not one we finished writing."""
    return read_columns(path, KIND, _series)


def write_series(path: Path, days: npt.NDArray[np.void], pieces: Sequence[Columns]) -> None:
    """Write aside and rename. `pieces` are the rows of `days`, in order. Raises OSError."""
    days = np.ascontiguousarray(days)
    days["start"] = _starts(days)
    columns = [[piece[index] for piece in pieces or [NO_ROWS]] for index in range(len(NO_ROWS))]
    write_columns(path, KIND, None, [days.view(np.uint8), *columns])


def _series(file: ColumnFile) -> Series:
    table, timestamp, *prices = file.columns
    return Series(table.view(DAY_DTYPE), Columns(timestamp, *prices), file.mapping)


def _starts(days: npt.NDArray[np.void]) -> npt.NDArray[np.int64]:
    starts: npt.NDArray[np.int64] = np.cumsum(days["rows"]) - days["rows"]
    return starts
