"""An index of what history exists, so that a page need not open half a million files.

Per series (market, symbol, timeframe) it keeps one line per day file: its state, and the bars and
gaps that it yields in its own timeframe and in every coarser one. A directory is listed again
when its mtime moved, a file is read again when its size or mtime did; the index survives on disk.
A full file (as many rows as fit) is believed by its line count; others have their timestamps
read. What is wrong with rows is not the index's business: a run and `data check` look.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from cachetools import TTLCache

from engine.daily_files import MAX_DAY_FILE_BYTES, RACY_NS, check_inside, read_file
from engine.data_quality import is_synthetic
from engine.enums import DAY_MS, SYMBOL_PATTERN, Timeframe, TradingMode
from engine.errors import DataError
from engine.file_checks import day_date
from engine.resample import finer_divisors

TTL_S = 10.0
# Files edited in place do not move their directory's mtime; their states are looked at this often.
RESTAT_S = 900.0
_TIMEFRAMES = tuple(Timeframe)
_N = len(_TIMEFRAMES)

# One day file. `bars` and `gaps` per timeframe, 0 for those that this file cannot make.
DAY_INDEX_DTYPE = np.dtype(
    [
        ("day", "<i8"),
        ("size", "<i8"),
        ("mtime_ns", "<i8"),
        ("first", "<i8"),
        ("last", "<i8"),
        ("bars", "<i4", (_N,)),
        ("gaps", "<i4", (_N,)),
    ]
)


@dataclass(frozen=True)
class Coverage:
    """The history of one market, symbol and timeframe, as a run over all of it would see it.

    `first`, `last`: open times in ms. `gaps` counts stretches without a bar between them.
    `source` is "native" when the timeframe has files of its own, on any day, else "resampled";
    `resampled_days` of the `days` come from finer bars.
    """

    symbol: str
    trading_mode: TradingMode
    timeframe: Timeframe
    first: int
    last: int
    bars: int
    gaps: int
    source: str
    days: int
    resampled_days: int
    synthetic: bool


@dataclass(frozen=True)
class DayPresence:
    """One day of a series: how many of its bars there are, and which timeframe has the file."""

    day: str
    bars: int
    expected: int
    source: str


@dataclass(frozen=True, eq=False)
class _Series:
    directory_mtime_ns: int
    checked: float
    days: npt.NDArray[np.void]


_Key = tuple[TradingMode, str, Timeframe]


class Catalogue:
    """The index of one data directory; safe under threads."""

    def __init__(self, directory: Path, root: str, index_directory: Path) -> None:
        self.directory = directory
        self.root = root
        self.index_directory = index_directory
        self._lock = threading.Lock()
        self._series: dict[_Key, _Series] = {}
        self._answers: TTLCache[str, list[Coverage]] = TTLCache(1, TTL_S)
        self._clock = self._answers.timer

    def coverage(self) -> list[Coverage]:
        """Every market, symbol and timeframe with at least one bar, sorted."""
        with self._lock:
            answer = self._answers.get("coverage")
            if answer is None:
                answer = self._scan()
                self._answers["coverage"] = answer
            return list(answer)

    def days(self, symbol: str, mode: TradingMode, timeframe: Timeframe) -> list[DayPresence]:
        """The days of one series with a file that serves them, ascending."""
        with self._lock:
            own = self._all_series(mode, symbol)
            table, sources = _serving(own, timeframe)
        slot = _TIMEFRAMES.index(timeframe)
        bars = table["bars"][:, slot].tolist()
        return [
            DayPresence(
                day_date(day).isoformat(), count, timeframe.bars_per_day, str(_TIMEFRAMES[source])
            )
            for day, count, source in zip(
                table["day"].tolist(), bars, sources.tolist(), strict=True
            )
        ]

    def forget(self) -> None:
        """Make the next answer look at the directories again, for those who just wrote there."""
        with self._lock:
            self._answers.clear()

    def _scan(self) -> list[Coverage]:
        found: list[Coverage] = []
        for mode in TradingMode:
            for symbol in _names(self.directory / mode):
                if not SYMBOL_PATTERN.fullmatch(symbol):
                    continue
                series = self._all_series(mode, symbol)
                for timeframe in Timeframe:
                    entry = _coverage(symbol, mode, timeframe, series)
                    if entry:
                        found.append(entry)
        return sorted(found, key=lambda c: (c.symbol, c.trading_mode, c.timeframe.ms))

    def _all_series(self, mode: TradingMode, symbol: str) -> dict[Timeframe, npt.NDArray[np.void]]:
        tables = {}
        for timeframe in Timeframe:
            table = self._table(mode, symbol, timeframe)
            if len(table):
                tables[timeframe] = table
        return tables

    def _table(self, mode: TradingMode, symbol: str, timeframe: Timeframe) -> npt.NDArray[np.void]:
        key = (mode, symbol, timeframe)
        directory = self.directory / mode / symbol / timeframe
        try:
            mtime_ns = os.stat(directory).st_mtime_ns
            check_inside(directory, self.root)
        except (FileNotFoundError, NotADirectoryError, DataError):
            self._series.pop(key, None)
            return np.empty(0, DAY_INDEX_DTYPE)
        known, now = self._series.get(key), self._clock()
        if known and known.directory_mtime_ns == mtime_ns and now - known.checked < RESTAT_S:
            return known.days
        stored = self.index_directory / mode / symbol / f"{timeframe}.npy"
        old = known.days if known else _read_index(stored)
        racy_ns = time.time_ns() - RACY_NS
        days = _index_directory(directory, symbol, timeframe, old, racy_ns)
        if mtime_ns > racy_ns:
            mtime_ns = -1
        if not np.array_equal(days, old):
            _write_index(stored, days)
        self._series[key] = _Series(mtime_ns, now, days)
        return days


def _index_directory(
    directory: Path,
    symbol: str,
    timeframe: Timeframe,
    old: npt.NDArray[np.void],
    racy_ns: int,
) -> npt.NDArray[np.void]:
    """The index of the files now in `directory`; those whose state is in `old` stay closed.

    Files younger than `racy_ns` are read again next time.
    """
    known = {
        (day, size, mtime): index
        for index, (day, size, mtime) in enumerate(
            zip(*(old[n].tolist() for n in ("day", "size", "mtime_ns")), strict=True)
        )
    }
    kept: list[int] = []
    fresh: list[tuple[int, os.DirEntry[str], os.stat_result]] = []
    for day, entry in _day_entries(directory, symbol, timeframe):
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        index = known.get((day, found.st_size, found.st_mtime_ns))
        if index is None:
            fresh.append((day, entry, found))
        else:
            kept.append(index)
    added = np.zeros(len(fresh), DAY_INDEX_DTYPE)
    for line, (day, entry, found) in zip(added, fresh, strict=True):
        mtime_ns = found.st_mtime_ns if found.st_mtime_ns < racy_ns else -1
        line["day"], line["size"], line["mtime_ns"] = day, found.st_size, mtime_ns
        if entry.is_file(follow_symlinks=False) and found.st_size <= MAX_DAY_FILE_BYTES:
            _summarise(line, read_file(entry.path), timeframe)
    days = np.concatenate((old[kept], added))
    return days[np.argsort(days["day"], kind="stable")]


def _day_entries(
    directory: Path, symbol: str, timeframe: Timeframe
) -> Iterator[tuple[int, os.DirEntry[str]]]:
    prefix = f"{symbol}_{timeframe}_"
    length = len(prefix) + len("2024-01-01.csv")
    with os.scandir(directory) as entries:
        for entry in entries:
            name = entry.name
            if len(name) == length and name.startswith(prefix) and name.endswith(".csv"):
                try:
                    day = np.datetime64(name[len(prefix) : -4], "D").astype(np.int64)
                except ValueError:
                    continue
                yield int(day), entry


def _summarise(line: np.void, content: bytes, timeframe: Timeframe) -> None:
    """Fill in the bars and gaps that the file makes in each timeframe that it can make."""
    rows = content.count(b"\n") - 1 + (not content.endswith(b"\n"))
    step = timeframe.ms
    if rows == timeframe.bars_per_day:
        line["first"] = line["day"] * DAY_MS
        line["last"] = line["first"] + DAY_MS - step
        for slot, target in enumerate(_TIMEFRAMES):
            if target == timeframe or timeframe in finer_divisors(target):
                line["bars"][slot] = target.bars_per_day
        return
    timestamps = _timestamps(content)
    in_day = timestamps - int(line["day"]) * DAY_MS
    timestamps = np.unique(timestamps[(in_day >= 0) & (in_day < DAY_MS)])
    if not len(timestamps):
        return
    line["first"], line["last"] = timestamps[0], timestamps[-1]
    for slot, target in enumerate(_TIMEFRAMES):
        if target == timeframe or timeframe in finer_divisors(target):
            opened = np.unique(timestamps // target.ms)
            line["bars"][slot] = len(opened)
            line["gaps"][slot] = np.count_nonzero(np.diff(opened) > 1)


def _timestamps(content: bytes) -> npt.NDArray[np.int64]:
    """The whole numbers that start the lines below the first; others are left out."""
    found = []
    for text in content.split(b"\n")[1:]:
        head = text.split(b",", 1)[0]
        if head.isdigit() and len(head) < 19:
            found.append(int(head))
    return np.array(found, np.int64)


def _serving(
    tables: dict[Timeframe, npt.NDArray[np.void]], timeframe: Timeframe
) -> tuple[npt.NDArray[np.void], npt.NDArray[np.int64]]:
    """The index lines that serve each day of `timeframe`, and the timeframe each comes from."""
    taken = np.empty(0, np.int64)
    parts, sources = [], []
    for source in (timeframe, *finer_divisors(timeframe)):
        table = tables.get(source)
        if table is None:
            continue
        new = table[~np.isin(table["day"], taken)]
        taken = np.concatenate((taken, new["day"]))
        parts.append(new)
        sources.append(np.full(len(new), _TIMEFRAMES.index(source)))
    if not parts:
        return np.empty(0, DAY_INDEX_DTYPE), np.empty(0, np.int64)
    table, source_of = np.concatenate(parts), np.concatenate(sources)
    order = np.argsort(table["day"], kind="stable")
    return table[order], source_of[order]


def _coverage(
    symbol: str,
    mode: TradingMode,
    timeframe: Timeframe,
    tables: dict[Timeframe, npt.NDArray[np.void]],
) -> Coverage | None:
    table, sources = _serving(tables, timeframe)
    slot, step = _TIMEFRAMES.index(timeframe), timeframe.ms
    held = table["bars"][:, slot] > 0
    table, sources = table[held], sources[held]
    if not len(table):
        return None
    first = table["first"] - table["first"] % step
    last = table["last"] - table["last"] % step
    between = int(np.count_nonzero(first[1:] - last[:-1] > step))
    resampled = int(np.count_nonzero(sources != slot))
    return Coverage(
        symbol=symbol,
        trading_mode=mode,
        timeframe=timeframe,
        first=int(first[0]),
        last=int(last[-1]),
        bars=int(table["bars"][:, slot].sum()),
        gaps=int(table["gaps"][:, slot].sum()) + between,
        source="resampled" if resampled == len(table) else "native",
        days=len(table),
        resampled_days=resampled,
        synthetic=is_synthetic(symbol),
    )


def _names(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _read_index(path: Path) -> npt.NDArray[np.void]:
    try:
        days: npt.NDArray[np.void] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return np.empty(0, DAY_INDEX_DTYPE)
    if days.dtype != DAY_INDEX_DTYPE or days.ndim != 1:
        return np.empty(0, DAY_INDEX_DTYPE)
    return days


def _write_index(path: Path, days: npt.NDArray[np.void]) -> None:
    """Write aside and rename; an index that cannot be stored is made again next time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            np.save(file, days, allow_pickle=False)
        os.replace(aside, path)
    except OSError:
        return
