"""One line per day file of a series: its state, and what it makes; kept on disk between runs.

A file whose size and mtime are known stays closed. Most files hold every bar of their day in
order, which is seen at a glance; of the others the timestamps are read one by one.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.enums import DAY_MS, Timeframe
from engine.errors import DataError
from engine.history.careful_reader import parse_day, parse_timestamp
from engine.history.column_file import ColumnFile, read_columns, write_columns
from engine.history.day_files import MAX_DAY_FILE_BYTES, RACY_NS, DayFile, check_inside, read_file
from engine.history.day_sources import covered_ms
from engine.history.resample import finer_divisors

TIMEFRAMES = tuple(Timeframe)
_N = len(TIMEFRAMES)

# One day file. `bars` and `gaps` (stretches without a bar between the first and the last) in each
# timeframe, 0 in those that this file cannot make.
DAY_INDEX_DTYPE = np.dtype(
    [
        ("day", "<i8"),
        ("size", "<i8"),
        ("mtime_ns", "<i8"),
        ("first", "<i8"),
        ("last", "<i8"),
        ("bars", "<i2", (_N,)),
        ("gaps", "<i2", (_N,)),
    ]
)
KIND = "days 2"
NO_LINES = np.empty(0, DAY_INDEX_DTYPE)
_NEWLINE, _COMMA, _ZERO = b"\n,0"
# Timestamps in ms from 2001 to 2286, and the value of each of their digits: exact as floats.
_DIGITS = 13
_COLUMNS = np.arange(_DIGITS)
_POWERS = 10.0 ** np.arange(_DIGITS - 1, -1, -1)


@dataclass(frozen=True, eq=False)
class DayIndex:
    """The index of one directory: `lines` by ascending day (DAY_INDEX_DTYPE).

    `directory_mtime_ns` is the directory's when it was listed, -1 when it was too young to tell;
    `checked_ns` is the time at which the state of every file was looked at.
    """

    lines: npt.NDArray[np.void]
    directory_mtime_ns: int = -1
    checked_ns: int = 0


NO_INDEX = DayIndex(NO_LINES)


def index_directory(
    directory: Path, symbol: str, timeframe: Timeframe, root: str, known: DayIndex = NO_INDEX
) -> DayIndex:
    """The index of the files now in `directory`; those that `known` has in the same state stay
    closed, and links that lead out of `root` are left out, as a run refuses them.

    Raises OSError when the directory is not there.
    """
    now_ns = time.time_ns()
    racy_ns = now_ns - RACY_NS
    mtime_ns = os.stat(directory).st_mtime_ns
    old = known.lines
    states = {
        state: index
        for index, state in enumerate(
            zip(*(old[n].tolist() for n in ("day", "size", "mtime_ns")), strict=True)
        )
    }
    kept: list[int] = []
    fresh: list[tuple[int, int, int]] = []
    paths: list[str] = []
    for day, entry in _day_entries(directory, symbol, timeframe):
        try:
            if entry.is_symlink():
                check_inside(entry.path, root)
            found = entry.stat()
        except (OSError, DataError):
            continue
        index = states.get((day, found.st_size, found.st_mtime_ns))
        if index is not None:
            kept.append(index)
            continue
        if stat.S_ISREG(found.st_mode) and found.st_size <= MAX_DAY_FILE_BYTES:
            # A file this young may change without its mtime moving: it is read again next time.
            mtime = found.st_mtime_ns if found.st_mtime_ns < racy_ns else -1
            fresh.append((day, found.st_size, mtime))
            paths.append(entry.path)
    lines = np.concatenate((old[kept], _read_lines(fresh, paths, timeframe)))
    lines = lines[np.argsort(lines["day"], kind="stable")]
    return DayIndex(lines, mtime_ns if mtime_ns < racy_ns else -1, now_ns)


def _day_entries(
    directory: Path, symbol: str, timeframe: Timeframe
) -> Iterator[tuple[int, os.DirEntry[str]]]:
    prefix = f"{symbol}_{timeframe}_"
    start, length = len(prefix), len(prefix) + len("2024-01-01.csv")
    with os.scandir(directory) as entries:
        for entry in entries:
            name = entry.name
            if len(name) == length and name.startswith(prefix) and name.endswith(".csv"):
                day = parse_day(name[start:-4])
                if day is not None:
                    yield day, entry


def _read_lines(
    states: list[tuple[int, int, int]], paths: list[str], timeframe: Timeframe
) -> npt.NDArray[np.void]:
    """Open files and say what each makes. Full ones are filled in together, without a loop."""
    lines = np.zeros(len(states), DAY_INDEX_DTYPE)
    if not states:
        return lines
    lines["day"], lines["size"], lines["mtime_ns"] = zip(*states, strict=True)
    full = np.zeros(len(states), np.bool_)
    for number, path in enumerate(paths):
        try:
            content = read_file(path)
        except OSError:
            continue  # It is gone, or not ours to read: it makes nothing.
        if _is_whole(content, int(lines["day"][number]), timeframe):
            full[number] = True
        else:
            _describe(lines[number], content, timeframe)
    starts = lines["day"][full] * DAY_MS
    lines["first"][full], lines["last"][full] = starts, starts + DAY_MS - timeframe.ms
    for slot, target in enumerate(TIMEFRAMES):
        if _makes(timeframe, target):
            lines["bars"][full, slot] = target.bars_per_day
    return lines


def _is_whole(content: bytes, day: int, timeframe: Timeframe) -> bool:
    """Whether the lines below the first are every bar of the day, in order and spelled plainly.

    As many lines as there are bars are no proof: some may be missing and others there twice.
    """
    text = np.frombuffer(content, np.uint8)
    starts = np.flatnonzero(text == _NEWLINE) + 1
    if len(starts) and starts[-1] == len(content):
        starts = starts[:-1]
    if len(starts) != timeframe.bars_per_day or starts[-1] + _DIGITS >= len(content):
        return False
    if not (text[starts + _DIGITS] == _COMMA).all():
        return False
    digits = text[starts[:, np.newaxis] + _COLUMNS].astype(np.float64) - _ZERO
    expected = day * DAY_MS + timeframe.ms * np.arange(len(starts))
    return bool(np.array_equal(digits @ _POWERS, expected))


def _describe(line: np.void, content: bytes, timeframe: Timeframe) -> None:
    """What a file that is not full makes in each timeframe that it can make."""
    timestamps = _timestamps(content)
    in_day = timestamps - int(line["day"]) * DAY_MS
    timestamps = np.unique(timestamps[(in_day >= 0) & (in_day < DAY_MS)])
    if not len(timestamps):
        return
    line["first"], line["last"] = timestamps[0], timestamps[-1]
    for slot, target in enumerate(TIMEFRAMES):
        if _makes(timeframe, target):
            opened = np.unique(timestamps // target.ms)
            line["bars"][slot] = min(len(opened), target.bars_per_day)
            line["gaps"][slot] = np.count_nonzero(np.diff(opened) > 1)


def covered_by(lines: npt.NDArray[np.void], source: Timeframe) -> npt.NDArray[np.int64]:
    """How much of their days the files of `source` behind `lines` cover, in ms; (n_lines,)."""
    return covered_ms(lines["bars"][..., TIMEFRAMES.index(source)], source)


def covered_of_file(file: DayFile, lines: npt.NDArray[np.void]) -> int:
    """How much of its day a file covers, in ms: by its line while the file is as it was, else read.

    `lines` is the index of its directory. A file that cannot be read covers nothing.
    """
    place = int(np.searchsorted(lines["day"], file.day))
    if place < len(lines):
        line = lines[place]
        state = (int(line["day"]), int(line["size"]), int(line["mtime_ns"]))
        if state == (file.day, file.size, file.mtime_ns):
            return int(covered_by(line, file.timeframe))
    if file.size > MAX_DAY_FILE_BYTES:
        return 0
    fresh = _read_lines([(file.day, file.size, -1)], [file.path], file.timeframe)
    return int(covered_by(fresh, file.timeframe)[0])


def _makes(source: Timeframe, target: Timeframe) -> bool:
    return target == source or source in finer_divisors(target)


def _timestamps(content: bytes) -> npt.NDArray[np.int64]:
    """The whole numbers that start the lines below the first; other lines are left out."""
    found = []
    for text in content.split(b"\n")[1:]:
        head = text.split(b",", 1)[0]
        timestamp, wrong = parse_timestamp(head.decode("ascii", "replace"))
        if not wrong:
            found.append(timestamp)
    return np.array(found, np.int64)


def read_index(path: Path) -> DayIndex:
    """A stored index; an empty one when there is none or it is broken."""
    return read_columns(path, KIND, _index) or NO_INDEX


def write_index(path: Path, index: DayIndex) -> None:
    """Write aside and rename; an index that cannot be stored is made again next time."""
    meta = {"directory_mtime_ns": index.directory_mtime_ns, "checked_ns": index.checked_ns}
    with suppress(OSError):
        write_columns(path, KIND, meta, [np.ascontiguousarray(index.lines).view(np.uint8)])


def _index(file: ColumnFile) -> DayIndex:
    # A copy: the index outlives its file by far, and is small.
    lines = file.columns[0].view(DAY_INDEX_DTYPE).copy()
    return DayIndex(lines, int(file.meta["directory_mtime_ns"]), int(file.meta["checked_ns"]))
