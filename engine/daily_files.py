"""Daily CSV files -> columns, and every reason why a row is not a bar.

Two readers, one verdict. The fast one joins the bytes of many files and lets one C parser at
them; it believes a file only when every row passes every rule at once. A file that does not pass
goes to the careful reader (`engine.file_checks`), which looks at each line in Python, so
that what is wrong is told with its line, and what is merely untidy (rows out of order, exact
duplicates) is put right and counted.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.bars import Floats, Times
from engine.enums import DAY_MS, Timeframe
from engine.errors import DataError
from engine.file_checks import (
    HEADER,
    MAX_LISTED_PROBLEMS,
    BrokenFileError,
    FileProblem,
    examine,
    without_bom,
)

MAX_DAY_FILE_BYTES = 8 * 1024 * 1024
BATCH_BYTES = 48 * 1024 * 1024
_FAST_HEADER = HEADER.encode() + b"\n"
_NAMES = HEADER.split(",")


class Columns(NamedTuple):
    """OHLCV columns, each of shape (n_rows,)."""

    timestamp: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def take(self, start: int, stop: int) -> Columns:
        """Rows [start:stop], sharing memory."""
        return Columns(*(column[start:stop] for column in self))


NO_ROWS = Columns(np.empty(0, np.int64), *(np.empty(0, np.float64) for _ in range(5)))


@dataclass(frozen=True)
class DayFile:
    """One file of a series as it stands on disk: `day` counts UTC days since the epoch."""

    path: Path
    timeframe: Timeframe
    day: int
    size: int
    mtime_ns: int


@dataclass(frozen=True, eq=False)
class ParsedDays:
    """Rows of several files, in the order of the files.

    `rows`, `unsorted` and `duplicates` count per file: rows kept, rows that were moved to
    their place, exact copies that were dropped. Each of shape (n_files,).
    """

    columns: Columns
    rows: npt.NDArray[np.int64]
    unsorted: npt.NDArray[np.int64]
    duplicates: npt.NDArray[np.int64]


def join_columns(parts: Sequence[Columns]) -> Columns:
    """The rows of all parts, one after the other; the only part itself when there is one."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return NO_ROWS
    return Columns(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def stat_day_file(path: Path | str, timeframe: Timeframe, day: int, root: str) -> DayFile | None:
    """The file as it stands, None when there is none. `root` is a resolved directory.

    A link that leads out of `root`, and anything but a regular file, is a DataError: whoever may
    write into the data directory must not be able to read the rest of the machine through it.
    """
    try:
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            check_inside(path, root)
            found = os.stat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{path}: is not a regular file")
    return DayFile(Path(path), timeframe, day, found.st_size, found.st_mtime_ns)


def check_inside(path: Path | str, root: str) -> None:
    """Raise DataError when `path`, links followed, is not inside the resolved `root`."""
    real = os.path.realpath(path)
    if real != root and not real.startswith(root + os.sep):
        raise DataError(f"{path}: is a link that leads out of the data directory {root}")


def read_file(path: Path | str, max_bytes: int = MAX_DAY_FILE_BYTES) -> bytes:
    """The bytes of a file; DataError when it is larger than `max_bytes`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        if size > max_bytes:
            raise DataError(
                f"{path}: has {size:,} bytes; a file may have at most {max_bytes:,} bytes"
            )
        chunk = os.read(descriptor, size + 1)
        if len(chunk) == size:
            return chunk
        parts = [chunk]
        while chunk and sum(map(len, parts)) <= max_bytes:
            chunk = os.read(descriptor, max_bytes + 1)
            parts.append(chunk)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def parse_days(files: Sequence[DayFile]) -> ParsedDays:
    """Rows of `files` (one timeframe, any number of days), checked by every rule.

    Raises BrokenFileError that lists the bad rows of all files, up to MAX_LISTED_PROBLEMS.
    """
    batches: list[ParsedDays] = []
    problems: list[FileProblem] = []
    start = 0
    while start < len(files):
        stop, size = start, 0
        while stop < len(files) and (stop == start or size + files[stop].size <= BATCH_BYTES):
            size += files[stop].size
            stop += 1
        try:
            batches.append(_parse_batch(files[start:stop]))
        except BrokenFileError as broken:
            problems.extend(broken.problems)
            if len(problems) >= MAX_LISTED_PROBLEMS:
                break
        start = stop
    if problems:
        raise BrokenFileError(problems)
    if not batches:
        none = np.empty(0, np.int64)
        return ParsedDays(NO_ROWS, none, none, none)
    return ParsedDays(
        join_columns([batch.columns for batch in batches]),
        *(
            np.concatenate([getattr(batch, name) for batch in batches])
            for name in ("rows", "unsorted", "duplicates")
        ),
    )


def _parse_batch(files: Sequence[DayFile]) -> ParsedDays:
    raw = [read_file(file.path) for file in files]
    rows = np.zeros(len(files), np.int64)
    bodies: list[bytes] = []
    plain: list[int] = []
    for index, content in enumerate(raw):
        body = _body(content)
        if body is not None:
            rows[index] = body.count(b"\n")
            bodies.append(body)
            plain.append(index)
    columns = _parse_joined(b"".join(bodies), int(rows.sum()))
    if columns is None and len(plain) > 1:
        # One odd file spoils the joined parse for all; find it by trying each alone.
        parts = [_parse_joined(body, int(rows[i])) for body, i in zip(bodies, plain, strict=True)]
        odd = {i for i, part in zip(plain, parts, strict=True) if part is None}
        columns = join_columns([part for part in parts if part is not None])
        plain = [i for i in plain if i not in odd]
    if columns is None:
        columns, plain = NO_ROWS, []
    suspects = set(range(len(files))) - set(plain)
    days = np.array([files[i].day for i in plain], np.int64)
    bad_row = ~good_rows(columns, np.repeat(days, rows[plain]), files[0].timeframe)
    ends = np.cumsum(rows[plain])
    if bad_row.any():
        owners = np.searchsorted(ends, np.flatnonzero(bad_row), side="right")
        suspects.update(plain[owner] for owner in np.unique(owners))
    unsorted, duplicates = np.zeros_like(rows), np.zeros_like(rows)
    if not suspects:
        return ParsedDays(columns, rows, unsorted, duplicates)

    spans = dict(zip(plain, zip(ends - rows[plain], ends, strict=True), strict=True))
    pieces: list[Columns] = []
    problems: list[FileProblem] = []
    for index, file in enumerate(files):
        if index not in suspects:
            pieces.append(columns.take(*spans[index]))
            continue
        careful = examine(raw[index], file.timeframe, file.day)
        problems.extend(FileProblem(file.path, line, why) for line, why in careful.problems)
        pieces.append(_as_columns(careful.rows))
        rows[index] = len(careful.rows)
        unsorted[index], duplicates[index] = careful.unsorted, careful.duplicates
    if problems:
        raise BrokenFileError(problems)
    return ParsedDays(join_columns(pieces), rows, unsorted, duplicates)


def _body(content: bytes) -> bytes | None:
    """The lines below the plain header, "\\n" at the end of each; None for the careful reader."""
    if not content.startswith(_FAST_HEADER):
        content = without_bom(content)
        if b"\r\n" in content:
            content = content.replace(b"\r\n", b"\n")
        if not content.startswith(_FAST_HEADER):
            return None
    if b"\0" in content or not content.isascii():
        return None
    body = content[len(_FAST_HEADER) :]
    return body if not body or body.endswith(b"\n") else body + b"\n"


def _parse_joined(body: bytes, rows: int) -> Columns | None:
    """Columns of `body`, None when it is not exactly `rows` lines of six plain numbers."""
    if not rows:
        return NO_ROWS
    if body.count(b",") != rows * (len(_NAMES) - 1):
        return None
    try:
        # The default float parser of pandas 3 rounds correctly: each value is float(text).
        table = pd.read_csv(
            io.BytesIO(body),
            header=None,
            names=_NAMES,
            index_col=False,
            dtype={"timestamp": np.int64} | dict.fromkeys(_NAMES[1:], np.float64),
            quoting=3,
            skip_blank_lines=False,
            keep_default_na=False,
            na_filter=False,
        )
    except (ValueError, OverflowError):
        return None
    if len(table) != rows:
        return None
    return Columns(*(np.ascontiguousarray(table[name].to_numpy()) for name in _NAMES))


def good_rows(columns: Columns, day: npt.NDArray[np.int64], timeframe: Timeframe) -> npt.NDArray:
    """Which rows are bars of their day and later than the row above; shape (n_rows,), bool.

    NaN compares false, so a row with one is never good.
    """
    t, open_, high, low, close, volume = columns
    in_day = t - day * DAY_MS
    good = (low > 0) & (low <= open_) & (low <= close) & (high >= open_) & (high >= close)
    good &= (high < np.inf) & (volume >= 0) & (volume < np.inf)
    good &= (in_day >= 0) & (in_day < DAY_MS) & (in_day % timeframe.ms == 0)
    if len(t):
        same_day = day[1:] == day[:-1]
        good[1:] &= (t[1:] > t[:-1]) | ~same_day
    return good


def _as_columns(rows: Sequence[tuple[int, float, float, float, float, float]]) -> Columns:
    if not rows:
        return NO_ROWS
    timestamp, *prices = zip(*rows, strict=True)
    return Columns(
        np.array(timestamp, np.int64), *(np.array(column, np.float64) for column in prices)
    )
