"""Market history: daily CSV files -> Bars, behind one cache that is bounded in bytes.

The CSV files are the truth. Each load looks at the state (size, mtime) of every file of its own
range; what was parsed before is not parsed again (`engine.history.parsed_series`). A range that is
one stretch of one series is served as a view of the mapping: no copy per run, one copy per machine.
"""

from __future__ import annotations

import copy
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

from engine.bars import Bars, Funding
from engine.enums import Timeframe, TradingMode, check_symbol
from engine.errors import DataError
from engine.history.cache_space import CacheSpace
from engine.history.careful_reader import BrokenFileError, day_date, day_number, parse_day
from engine.history.catalogue import Catalogue, Coverage, DayPresence
from engine.history.column_file import Mapping
from engine.history.data_quality import SourceCounts, describe_bars, describe_funding
from engine.history.day_choice import choose_files, days_in
from engine.history.day_files import RACY_NS, Columns, DayFile, join_columns, parse_days
from engine.history.day_index import covered_of_file
from engine.history.day_sources import source_order
from engine.history.funding_files import load_funding
from engine.history.parsed_series import ParsedDays
from engine.history.resample import resample

DEFAULT_CACHE_BYTES = 512 * 1024 * 1024
MAX_LISTED_RANGES = 5
# Files of a refused range that are opened to say what is wrong with them.
MAX_EXAMINED_FILES = 5
LOOK_AGAIN_S = 1.0  # between two looks for files that somebody missed
_MINUTES = {timeframe: timeframe.ms // 60_000 for timeframe in Timeframe}


@dataclass(frozen=True, eq=False)
class LoadedBars:
    """Bars of a run, and the JSON-able account of where they came from and what is missing."""

    bars: Bars
    quality: dict[str, Any]


class Store:
    """All market history under `data_directory`; safe under threads."""

    def __init__(
        self,
        data_directory: Path | str,
        cache_directory: Path | str,
        max_bytes: int = DEFAULT_CACHE_BYTES,
        space: CacheSpace | None = None,
    ) -> None:
        """`max_bytes` bounds what is held in memory, `space` what is kept on disk."""
        self.data_directory = Path(data_directory)
        self.directory = self.data_directory / "binance"
        # The store as a whole may be a link to a larger disk; what is in it must stay in it.
        self.root = os.path.realpath(self.directory)
        # One cache directory may serve several data directories (tests do that).
        name = hashlib.blake2b(self.root.encode(), digest_size=6).hexdigest()
        space = space or CacheSpace(cache_directory)
        self._parsed = ParsedDays(Path(cache_directory) / "columns" / name, space)
        self._loaded = _Cache(max_bytes)
        self._guard = threading.Lock()
        self._counts = {"hits": 0, "misses": 0}
        self._catalogue = Catalogue(
            self.directory, self.root, Path(cache_directory) / "catalogue" / name, space
        )

    def load(
        self,
        symbol: str,
        timeframe: Timeframe | str,
        trading_mode: TradingMode | str,
        start_date: date,
        end_date: date,
    ) -> LoadedBars:
        """The bars of an inclusive range of UTC days, own file or resampled, day by day.

        Raises DataError: no bar in the range (says which there are), or a row that is no bar.
        """
        timeframe, mode = Timeframe(timeframe), TradingMode(trading_mode)
        check_symbol(symbol)
        with self._paths_from_here():
            return self._load(symbol, timeframe, mode, start_date, end_date)

    def _load(
        self, symbol: str, timeframe: Timeframe, mode: TradingMode, start_date: date, end_date: date
    ) -> LoadedBars:
        first, last = day_number(start_date), day_number(end_date)
        chosen = choose_files(self._catalogue, symbol, timeframe, mode, first, last)
        state = _state(symbol, timeframe, mode, start_date, end_date, chosen)
        with self._guard:
            held = self._loaded.get(state) if state else None
            if held and not all(mapping.is_intact() for mapping in held.mappings):
                held = None
            self._counts["hits" if held else "misses"] += 1
        if held is None:
            held = self._build(symbol, timeframe, mode, start_date, end_date, chosen)
            if state:
                with self._guard:
                    self._loaded.put(state, held)
        return LoadedBars(held.bars, copy.deepcopy(held.quality))

    def funding(
        self, symbol: str, start_date: date, end_date: date, bars: Bars
    ) -> tuple[Funding, dict[str, Any]]:
        """Settlements of the months of the range, and their additions to `data_quality`.

        Raises DataError naming a missing month or a bad row.
        """
        directory = self.directory / TradingMode.FUTURES / check_symbol(symbol)
        with self._paths_from_here():
            funding, counts = load_funding(directory, self.root, symbol, start_date, end_date)
        return funding, describe_funding(funding, bars, counts)

    def catalogue(self) -> list[Coverage]:
        """What exists per market, symbol and timeframe; from an index, up to its TTL old."""
        return self._catalogue.coverage()

    def coverage_days(
        self, symbol: str, timeframe: Timeframe | str, trading_mode: TradingMode | str
    ) -> list[DayPresence]:
        """Every day with a file that serves the series, ascending; from the same index."""
        mode = TradingMode(trading_mode)
        return self._catalogue.days(check_symbol(symbol), mode, Timeframe(timeframe))

    def hole_around(
        self,
        symbol: str,
        timeframe: Timeframe | str,
        trading_mode: TradingMode | str,
        start: date,
        end: date,
    ) -> tuple[date, date] | None:
        """The hole in the history (first and last day) that the whole range lies in, if any."""
        mode, first, last = TradingMode(trading_mode), day_number(start), day_number(end)
        return self._catalogue.hole_around(
            check_symbol(symbol), mode, Timeframe(timeframe), first, last
        )

    def look_again(self) -> None:
        """Look for new files at the next question, but not more often than once a second.

        For whoever did not find something: it may have been put there since.
        """
        self._catalogue.forget_older(LOOK_AGAIN_S)

    def forget_catalogue(self) -> None:
        """Look at the directories again at the next question; for those who just wrote there."""
        self._catalogue.forget()

    def history(
        self,
        symbol: str,
        timeframe: Timeframe | str,
        trading_mode: TradingMode | str,
        start: date | None = None,
        end: date | None = None,
        limit: int = 1000,
    ) -> Bars:
        """The newest `limit` bars of the range, ascending. Raises DataError when there is none."""
        timeframe, mode = Timeframe(timeframe), TradingMode(trading_mode)
        first = day_number(start) if start else day_number(date.min)
        last = day_number(end) if end else day_number(date.max)
        days = self._days_held(check_symbol(symbol), timeframe, mode)
        days = days[(days >= first) & (days <= last)]
        wanted = -(-limit // timeframe.bars_per_day) + 1
        while True:
            newest = days[-wanted:]
            if not len(newest):
                break
            bars = self.load(
                symbol, timeframe, mode, day_date(newest[0]), day_date(newest[-1])
            ).bars
            if len(bars) >= limit or wanted >= len(days):
                return bars.slice(max(0, len(bars) - limit), len(bars))
            wanted *= 4
        raise DataError(self._nothing(symbol, timeframe, mode, start, end))

    def broken_files(
        self,
        symbol: str,
        timeframe: Timeframe | str,
        trading_mode: TradingMode | str,
        start: date | None = None,
        end: date | None = None,
    ) -> DataError | None:
        """What is wrong with files of a range that make no bar at all; None when nothing is.

        Such a file counts as no history, which is not what its owner has to know about it. A file
        with its header alone is not broken. At most MAX_EXAMINED_FILES are looked into.
        """
        timeframe, mode = Timeframe(timeframe), TradingMode(trading_mode)
        first, last = day_number(start or date.min), day_number(end or date.max)
        try:
            with self._paths_from_here():
                files = choose_files(
                    self._catalogue, check_symbol(symbol), timeframe, mode, first, last
                )
                lines = {
                    source: self._catalogue.lines(symbol, mode, source)
                    for source in {file.timeframe for file in files}
                }
                barren = (f for f in files if not covered_of_file(f, lines[f.timeframe]))
                for file in islice(barren, MAX_EXAMINED_FILES):
                    parse_days([file])
        except DataError as error:
            return error
        return None

    def stats(self) -> dict[str, int]:
        """Counts since the start: hits, misses, evictions, and the bytes that are held now."""
        with self._guard:
            return (
                self._counts
                | self._parsed.counts
                | {
                    "evictions": self._loaded.evictions,
                    "entries": len(self._loaded),
                    "bytes": int(self._loaded.currsize),
                    "max_bytes": int(self._loaded.maxsize),
                }
            )

    @contextmanager
    def _paths_from_here(self) -> Iterator[None]:
        """Name files from the data directory on: a user of the service need not know the rest."""
        prefix = f"{self.data_directory}{os.sep}"
        try:
            yield
        except BrokenFileError as broken:
            raise BrokenFileError(
                [problem.seen_from(self.data_directory) for problem in broken.problems]
            ) from None
        except DataError as error:
            raise DataError(str(error).replace(prefix, "")) from None
        except OSError as failure:
            name = str(failure.filename or "a file").removeprefix(prefix)
            raise DataError(f"{name}: cannot be read: {failure.strerror}") from failure

    def _build(
        self,
        symbol: str,
        timeframe: Timeframe,
        mode: TradingMode,
        start: date,
        end: date,
        chosen: list[DayFile],
    ) -> _Held:
        counts = SourceCounts()
        mappings: list[Mapping] = []
        parts: list[Columns] = []
        digest = hashlib.blake2b(f"{symbol} {timeframe}".encode(), digest_size=16)
        for source in Timeframe:
            files = [file for file in chosen if file.timeframe == source]
            if not files:
                continue
            table, pieces, mapping = self._parsed.take(symbol, mode, source, files)
            mappings.extend([mapping] if mapping else [])
            counts.days_by_source[str(source)] = len(files)
            counts.sorted_rows += int(table["unsorted"].sum())
            counts.duplicate_rows += int(table["duplicates"].sum())
            counts.empty_days += int(np.count_nonzero(table["rows"] == 0))
            digest.update(str(source).encode())
            for name in ("day", "rows", "checksum"):
                digest.update(np.ascontiguousarray(table[name]).data)
            columns = join_columns(pieces)
            if source != timeframe:
                columns, partial = resample(columns, source, timeframe)
                counts.partial_buckets += partial
            parts.append(columns)
        columns = join_columns(parts)
        if not len(columns.timestamp):
            raise DataError(self._nothing(symbol, timeframe, mode, start, end))
        if len(parts) > 1:
            order = np.argsort(columns.timestamp, kind="stable")
            columns = Columns(columns.timestamp[order], *(c[order] for c in columns[1:]))
        bars = Bars(symbol, timeframe, *columns, key=digest.hexdigest())
        return _Held(bars, describe_bars(bars, start, end, counts), tuple(mappings))

    def _days_held(
        self, symbol: str, timeframe: Timeframe, mode: TradingMode
    ) -> npt.NDArray[np.int64]:
        base = self.directory / mode / symbol
        sources = source_order(timeframe)
        return np.unique(np.concatenate([days_in(base / s, symbol, s) for s in sources]))

    def _nothing(
        self,
        symbol: str,
        timeframe: Timeframe,
        mode: TradingMode,
        start: date | None,
        end: date | None,
    ) -> str:
        """Why there is no bar, and which ranges there are."""
        asked = f" from {start or 'the beginning'} to {end or 'the end'}" if start or end else ""
        held_days = self.coverage_days(symbol, timeframe, mode)
        # A file with a header and no bar is no day to offer.
        days = np.array([parse_day(day.day) for day in held_days if day.bars], np.int64)
        if len(days):
            runs = np.split(days, np.flatnonzero(np.diff(days) > 1) + 1)
            ranges = [f"{day_date(run[0])} to {day_date(run[-1])}" for run in runs]
            held = ", ".join(ranges[-MAX_LISTED_RANGES:])
            more = f" and {len(ranges) - MAX_LISTED_RANGES} earlier ranges"
            held += more if len(ranges) > MAX_LISTED_RANGES else ""
            return f"no {timeframe} bars of {symbol} ({mode}){asked}; there are bars for {held}"
        others = sorted({entry.symbol for entry in self.catalogue() if entry.trading_mode == mode})
        names = ", ".join(others[:20]) or "none"
        return (
            f"no {timeframe} bars of {symbol} ({mode}) at all, nor finer ones to build them "
            f"from; symbols with {mode} data: {names}"
        )


@dataclass(frozen=True, eq=False)
class _Held:
    """A result in the cache, and the mapped files that it may be a view of."""

    bars: Bars
    quality: dict[str, Any]
    mappings: tuple[Mapping, ...]


class _Cache(LRUCache[bytes, _Held]):
    """Least recently used results, bounded by the bytes of their columns."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes, getsizeof=_bytes_of)
        self.evictions = 0

    def popitem(self) -> tuple[bytes, _Held]:
        self.evictions += 1
        return super().popitem()

    def put(self, key: bytes, value: _Held) -> None:
        if _bytes_of(value) <= self.maxsize:
            self[key] = value


def _state(
    symbol: str,
    timeframe: Timeframe,
    mode: TradingMode,
    start: date,
    end: date,
    chosen: list[DayFile],
) -> bytes:
    """A name for the request and the state of its files; empty when a file is too fresh."""
    newest = max((file.mtime_ns for file in chosen), default=0)
    if newest > time.time_ns() - RACY_NS:
        return b""
    digest = hashlib.blake2b(f"{symbol} {timeframe} {mode} {start} {end}".encode())
    states = [(_MINUTES[f.timeframe], f.day, f.size, f.mtime_ns) for f in chosen]
    digest.update(np.array(states, np.int64).data)
    return digest.digest()


def _bytes_of(held: _Held) -> int:
    return 48 * len(held.bars) + 4096
