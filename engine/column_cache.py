"""Parsed rows of one series, kept on disk as memory-mapped columns; rebuildable at any time.

One file holds a series (market, symbol, timeframe): a table with one line per day, which says from
which state of which CSV file the rows came, then the six columns, contiguous, in day order. The
kernel's page cache is the one copy that every process on the machine shares. A file is never
changed in place: a new one is written aside and renamed, so a reader keeps what it mapped and of
two builders the last one wins. Whatever does not add up is as good as not there.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt

from engine.daily_files import NO_ROWS, Columns

_MAGIC = b"SandCol1"
_HEAD = struct.Struct("<8sQQQ")  # magic, days, rows, checksum of the day table
_PAGE = 4096

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


@dataclass(frozen=True)
class Mapping:
    """The file that columns are a view of, in the state in which it was mapped."""

    path: Path
    inode: int
    size: int
    mtime_ns: int

    def is_intact(self) -> bool:
        """False when somebody wrote into the mapped file itself, which we never do.

        A file that was replaced or deleted is no harm: the mapping keeps the old one.
        """
        try:
            found = os.stat(self.path)
        except OSError:
            return True
        same = (found.st_size, found.st_mtime_ns) == (self.size, self.mtime_ns)
        return same or found.st_ino != self.inode


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
    """One number per day over all bits of its rows; (n_days,). A changed value changes it."""
    sums = np.zeros(len(days), np.uint64)
    filled = np.flatnonzero(days["rows"] > 0)
    if not len(filled):
        return sums
    starts = days["start"][filled] - days["start"][filled[0]]
    first = int(days["start"][filled[0]])
    last = int(days["start"][filled[-1]] + days["rows"][filled[-1]])
    total = np.zeros(len(filled), np.uint64)
    for column in columns:
        bits = column[first:last].view(np.uint64)
        # The factor makes the sum differ when two columns are swapped.
        total = total * np.uint64(1_000_003) + np.add.reduceat(bits, starts)
    sums[filled] = total
    return sums


def read_series(path: Path) -> Series | None:
    """The mapped series, None when there is none or the file is not one we finished writing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        size = found.st_size
        if size < _HEAD.size:
            return None
        mapped = mmap.mmap(descriptor, size, prot=mmap.PROT_READ)
    except (OSError, ValueError):
        return None
    finally:
        os.close(descriptor)
    magic, n_days, n_rows, checksum = _HEAD.unpack_from(mapped)
    if magic != _MAGIC or max(n_days, n_rows) > size:
        return None
    table_bytes = n_days * DAY_DTYPE.itemsize
    offset = _aligned(_HEAD.size + table_bytes)
    if size != offset + 6 * _aligned(n_rows * 8):
        return None
    table = memoryview(mapped)[_HEAD.size : _HEAD.size + table_bytes]
    if crc32(table) != checksum:
        return None
    days = np.frombuffer(table, DAY_DTYPE)
    if n_rows != int(days["rows"].sum()) or not np.array_equal(days["start"], _starts(days)):
        return None
    stride = _aligned(n_rows * 8)
    timestamp = np.frombuffer(mapped, np.int64, n_rows, offset)
    prices = [np.frombuffer(mapped, np.float64, n_rows, offset + i * stride) for i in range(1, 6)]
    mapping = Mapping(path, found.st_ino, size, found.st_mtime_ns)
    return Series(days, Columns(timestamp, *prices), mapping)


def is_sound(series: Series, positions: npt.NDArray[np.int64]) -> bool:
    """Whether the rows of the days at `positions` still have the checksums they were written with.

    Ascending positions; days between them are looked at too when that is one sweep.
    """
    if not len(positions):
        return True
    days = series.days[int(positions[0]) : int(positions[-1]) + 1]
    return np.array_equal(day_checksums(series.columns, days), days["checksum"])


def write_series(path: Path, days: npt.NDArray[np.void], pieces: Sequence[Columns]) -> None:
    """Write aside and rename. `pieces` are the rows of `days`, in order. Raises OSError."""
    days = np.ascontiguousarray(days)
    days["start"] = _starts(days)
    n_rows = int(days["rows"].sum())
    path.parent.mkdir(parents=True, exist_ok=True)
    table = days.tobytes()
    offset = _aligned(_HEAD.size + len(table))
    descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb", buffering=1024 * 1024) as file:
            file.write(_HEAD.pack(_MAGIC, len(days), n_rows, crc32(table)))
            file.write(table)
            for index in range(6):
                file.seek(offset + index * _aligned(n_rows * 8))
                for piece in pieces:
                    file.write(np.ascontiguousarray(piece[index]).data)
            file.truncate(offset + 6 * _aligned(n_rows * 8))
        os.replace(aside, path)
    except BaseException:
        os.unlink(aside)
        raise


def _starts(days: npt.NDArray[np.void]) -> npt.NDArray[np.int64]:
    starts: npt.NDArray[np.int64] = np.cumsum(days["rows"]) - days["rows"]
    return starts


def _aligned(size: int) -> int:
    return -(-size // _PAGE) * _PAGE
