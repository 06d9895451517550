"""Daily CSV files -> columns, and every reason why a row is not a bar.

Two readers, one verdict. The fast one joins the bytes of many files and lets one C parser at
them; it believes a file only when every row passes every rule at once. A file that does not pass
goes to the careful reader (`engine.history.careful_reader`), which looks at each line in Python, so
that what is wrong is told with its line, and what is merely untidy (rows out of order, exact
duplicates) is put right and counted.
"""

from __future__ import annotations

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
from engine.history.careful_reader import (
    HEADER,
    MAX_LISTED_PROBLEMS,
    BrokenFileError,
    FileProblem,
    examine,
    header_problem,
    without_bom,
)

MAX_DAY_FILE_BYTES = 8 * 1024 * 1024
BATCH_BYTES = 48 * 1024 * 1024
# A file written this recently may change again without its mtime moving on (clocks tick in steps
# of up to 10 ms), so what was read from it is not remembered.
RACY_NS = 50_000_000
_FAST_HEADER = HEADER.encode() + b"\n"
_NAMES = HEADER.split(",")
# Columns of the files that parsed, and the first row and the row after the last of each.
_Parsed = tuple["Columns", dict[int, tuple[int, int]]]


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
        return Columns(self.timestamp[start:stop], *(c[start:stop] for c in self[1:]))


NO_ROWS = Columns(np.empty(0, np.int64), *(np.empty(0, np.float64) for _ in range(5)))


@dataclass(frozen=True)
class DayFile:
    """One file of a series as it stands on disk: `day` counts UTC days since the epoch."""

    path: str
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
    return DayFile(str(path), timeframe, day, found.st_size, found.st_mtime_ns)


def check_inside(path: Path | str, root: str) -> None:
    """Raise DataError when `path`, links followed, is not inside the resolved `root`."""
    real = os.path.realpath(path)
    if real != root and not real.startswith(root + os.sep):
        raise DataError(f"{path}: is a link that leads out of the data directory")


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
    columns, spans = _parse_together(files) or _parse_each(files)
    rows = np.zeros(len(files), np.int64)
    for index, (start, stop) in spans.items():
        rows[index] = stop - start
    days = np.array([files[i].day for i in spans], np.int64)
    bad_row = ~good_rows(columns, np.repeat(days, rows[list(spans)]), files[0].timeframe)
    suspects = set(range(len(files))) - set(spans)
    if bad_row.any():
        owners = np.repeat(list(spans), rows[list(spans)])
        suspects.update(np.unique(owners[bad_row]).tolist())
    unsorted, duplicates = np.zeros_like(rows), np.zeros_like(rows)
    if not suspects:
        return ParsedDays(columns, rows, unsorted, duplicates)

    pieces: list[Columns] = []
    problems: list[FileProblem] = []
    for index, file in enumerate(files):
        if index not in suspects:
            pieces.append(columns.take(*spans[index]))
            continue
        careful = examine(read_file(file.path), file.timeframe, file.day)
        problems.extend(FileProblem(Path(file.path), *problem) for problem in careful.problems)
        pieces.append(_as_columns(careful.rows))
        rows[index] = len(careful.rows)
        unsorted[index], duplicates[index] = careful.unsorted, careful.duplicates
    if problems:
        raise BrokenFileError(problems)
    return ParsedDays(join_columns(pieces), rows, unsorted, duplicates)


def _parse_together(files: Sequence[DayFile]) -> _Parsed | None:
    """Rows of all files that look plain, by one parser; None when one of them spoils it."""
    source = _Bodies(files)
    columns = _parse(source, source.width)
    if source.failure is not None:
        raise source.failure
    if columns is None or not len(columns.timestamp):
        return None
    t = columns.timestamp
    if bool((t[1:] <= t[:-1]).any()):
        return None
    # Where timestamps only grow, a file's rows are those from its first line's timestamp to its
    # last line's. (Counting the lines of each file would take a quarter of the parser's time.)
    owners = list(source.ends)
    starts = np.searchsorted(t, [first for first, _ in source.ends.values()]).tolist()
    stops = np.searchsorted(t, [last for _, last in source.ends.values()], side="right").tolist()
    if starts != [0, *stops[:-1]] or stops[-1] != len(t):
        return None
    spans = dict(zip(owners, zip(starts, stops, strict=True), strict=True))
    spans |= dict.fromkeys(source.empty, (0, 0))
    return columns, dict(sorted(spans.items()))


def _parse_each(files: Sequence[DayFile]) -> _Parsed:
    """Rows of the files that parse by themselves; the others are left to the careful reader."""
    parts: dict[int, Columns] = {}
    for index, file in enumerate(files):
        source = _Bodies([file])
        columns = _parse(source, source.width)
        if source.failure is not None:
            raise source.failure
        if source.empty:
            parts[index] = NO_ROWS
        elif columns is not None and not source.odd:
            parts[index] = columns
    ends = np.cumsum([len(part.timestamp) for part in parts.values()]).tolist()
    spans = {
        index: (end - len(part.timestamp), end)
        for (index, part), end in zip(parts.items(), ends, strict=True)
    }
    return join_columns(list(parts.values())), spans


class _Bodies:
    """A stream of the lines below the headers of files, one file a read, for pandas' C parser.

    Files that only the careful reader can judge are passed over. `ends` holds the first and last
    timestamp of each file with rows, `empty` the files without, `width` the columns of the header.
    """

    def __init__(self, files: Sequence[DayFile]) -> None:
        self._files = iter(enumerate(files))
        self._next: bytes | None = None
        self.ends: dict[int, tuple[int, int]] = {}
        self.empty: list[int] = []
        self.odd: list[int] = []
        self.failure: Exception | None = None
        self.width = 0
        self._next = self.read()

    def __iter__(self) -> _Bodies:
        return self  # Pandas asks for it, and never calls next.

    def read(self, size: int = -1) -> bytes:
        if self._next is not None:
            first, self._next = self._next, None
            return first
        for index, file in self._files:
            try:
                body, width = _body(read_file(file.path))
                self.width = self.width or width
                if body is None or width != self.width:
                    self.odd.append(index)
                elif not body:
                    self.empty.append(index)
                else:
                    self.ends[index] = (int(body[: body.index(b",")]), _last_timestamp(body))
                    return body
            except ValueError:
                self.odd.append(index)
            except (OSError, DataError) as failure:
                # Raised here it would reach pandas, which would make another error of it.
                self.failure = failure
                break
        return b""


def _body(content: bytes) -> tuple[bytes | None, int]:
    """The lines below the header, "\n" at the end of each, and the header's number of columns.

    None instead of lines means that the file is one for the careful reader.
    """
    width, size = len(_NAMES), len(_FAST_HEADER)
    if not content.startswith(_FAST_HEADER):
        content = without_bom(content).replace(b"\r\n", b"\n")
        size = content.find(b"\n") + 1
        width = content.count(b",", 0, size) + 1
        if not size or header_problem(content[: size - 1].decode("utf-8", "replace"), HEADER):
            return None, width
    elif b"\r" in content:
        content = content.replace(b"\r\n", b"\n")
    # The C parser would take a bare carriage return for a line's end and a NUL for a number's.
    if b"\r" in content or b"\0" in content or not content.isascii():
        return None, width
    body = content[size:]
    return body if not body or body.endswith(b"\n") else body + b"\n", width


def _parse(source: _Bodies, width: int) -> Columns | None:
    """Columns of the stream, None when it is not lines that start with six plain numbers."""
    if not source.ends:
        return NO_ROWS
    try:
        # An infinity cast to a whole number is found out by its day: no need for a warning.
        with np.errstate(invalid="ignore"):
            table = _read_csv(source, width)
    except (ValueError, OverflowError):
        return None
    return Columns(*(np.ascontiguousarray(table[name].to_numpy()) for name in _NAMES))


def _read_csv(source: _Bodies, width: int) -> pd.DataFrame:
    # The default float parser of pandas 3 rounds correctly: each value is float(text).
    return pd.read_csv(
        source,
        header=None,
        names=_NAMES + [f"further {number}" for number in range(width - len(_NAMES))],
        usecols=_NAMES,
        index_col=False,
        dtype={"timestamp": np.int64} | dict.fromkeys(_NAMES[1:], np.float64),
        quoting=3,
        skip_blank_lines=False,
        keep_default_na=False,
        na_filter=False,
    )


def _last_timestamp(body: bytes) -> int:
    line = body.rfind(b"\n", 0, -1) + 1
    return int(body[line : body.index(b",", line)])


def good_rows(
    columns: Columns, day: npt.NDArray[np.int64], timeframe: Timeframe, *, ordered: bool = True
) -> npt.NDArray[np.bool_]:
    """Which rows are bars of their `day`, shape (n_rows,); `ordered`: and later than the row above.

    NaN compares false, so a row with one is never good.
    """
    t, open_, high, low, close, volume = columns
    in_day = t - day * DAY_MS
    good: npt.NDArray[np.bool_] = (low > 0) & (low <= open_) & (low <= close)
    good &= (high >= open_) & (high >= close) & (high < np.inf)
    good &= (volume >= 0) & (volume < np.inf)
    good &= (in_day >= 0) & (in_day < DAY_MS) & (in_day % timeframe.ms == 0)
    if ordered and len(t):
        good[1:] &= (t[1:] > t[:-1]) | (day[1:] != day[:-1])
    return good


def _as_columns(rows: Sequence[tuple[int, float, float, float, float, float]]) -> Columns:
    if not rows:
        return NO_ROWS
    timestamp, *prices = zip(*rows, strict=True)
    return Columns(
        np.array(timestamp, np.int64), *(np.array(column, np.float64) for column in prices)
    )
