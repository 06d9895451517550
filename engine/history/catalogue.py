"""What history exists, from an index: no page opens half a million files.

A directory is listed again when its mtime moved. Files edited in place do not move it; their
states are looked at again now and then, a few directories at a time. What is wrong with rows is
not the index's business: a run and `data check` look.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
from cachetools import TTLCache

from engine.enums import SYMBOL_PATTERN, Timeframe, TradingMode
from engine.errors import DataError
from engine.history.cache_space import CacheSpace, note_use
from engine.history.careful_reader import day_date
from engine.history.data_quality import is_synthetic
from engine.history.day_files import check_inside
from engine.history.day_index import (
    NO_LINES,
    TIMEFRAMES,
    DayIndex,
    covered_by,
    index_directory,
    read_index,
    write_index,
)
from engine.history.day_sources import OWN_FILE, serving, source_order

log = logging.getLogger(__name__)

TTL_S = 10.0
RESTAT_NS = 900 * 10**9
# Time that one answer may spend on looking at files again whose directory did not move.
RESTAT_BUDGET_S = 0.1

Lines = npt.NDArray[np.void]


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


class Catalogue:
    """The index of one data directory; safe under threads."""

    def __init__(
        self, directory: Path, root: str, index_directory: Path, space: CacheSpace
    ) -> None:
        self.directory = directory
        self.root = root
        self.index_directory = index_directory
        self._space = space
        self._wrote = False
        self._lock = threading.Lock()
        self._indexes: dict[Path, DayIndex] = {}
        self._symbols: dict[tuple[TradingMode, str], tuple[list[Lines], list[Coverage]]] = {}
        self._answers: TTLCache[str, list[Coverage]] = TTLCache(1, TTL_S)
        self._looked_at_s = 0.0
        self._restat_until = 0.0

    def coverage(self) -> list[Coverage]:
        """Every market, symbol and timeframe with at least one bar, sorted."""
        with self._lock:
            answer = self._answers.get("coverage")
            if answer is None:
                self._looked_at_s = time.monotonic()
                answer = self._scan()
                self._answers["coverage"] = answer
            return list(answer)

    def days(self, symbol: str, mode: TradingMode, timeframe: Timeframe) -> list[DayPresence]:
        """The days of one series with a file that serves them, ascending."""
        with self._lock:
            lines, sources = _serving(self._all_lines(mode, symbol), timeframe)
        bars = lines["bars"][:, TIMEFRAMES.index(timeframe)].tolist()
        return [
            DayPresence(
                day_date(day).isoformat(), count, timeframe.bars_per_day, str(TIMEFRAMES[source])
            )
            for day, count, source in zip(
                lines["day"].tolist(), bars, sources.tolist(), strict=True
            )
        ]

    def holes(
        self, symbol: str, mode: TradingMode, timeframe: Timeframe
    ) -> list[tuple[date, date]]:
        """Stretches of days (first, last) without a file or with too few bars, ascending.

        Only between the first and the last day: those two may well be cut off.
        """
        with self._lock:
            lines, _ = _serving(self._all_lines(mode, symbol), timeframe)
        lines = lines[lines["bars"][:, TIMEFRAMES.index(timeframe)] > 0]
        if len(lines) < 2:
            return []
        first, last = int(lines["day"][0]), int(lines["day"][-1])
        bars = lines["bars"][:, TIMEFRAMES.index(timeframe)]
        whole = np.zeros(last - first + 1, np.bool_)
        whole[lines["day"][bars == timeframe.bars_per_day] - first] = True
        whole[[0, -1]] = True
        edges = np.flatnonzero(np.diff(np.r_[True, whole, True])).reshape(-1, 2)
        return [(day_date(first + start), day_date(first + stop - 1)) for start, stop in edges]

    def hole_around(
        self, symbol: str, mode: TradingMode, timeframe: Timeframe, first: int, last: int
    ) -> tuple[date, date] | None:
        """The stretch of days without any bar (first, last) that day numbers first..last lie in.

        None when one of them has a bar, and when none before or none after them has.
        """
        with self._lock:
            lines, _ = _serving(self._all_lines(mode, symbol), timeframe)
        days = lines["day"][lines["bars"][:, TIMEFRAMES.index(timeframe)] > 0]
        next_held = int(np.searchsorted(days, first))
        if not 0 < next_held < len(days) or days[next_held] <= last:
            return None
        return day_date(int(days[next_held - 1]) + 1), day_date(int(days[next_held]) - 1)

    def lines(self, symbol: str, mode: TradingMode, source: Timeframe) -> Lines:
        """The index of one directory, one line a file (DAY_INDEX_DTYPE), ascending days."""
        with self._lock:
            return self._lines(mode, symbol, source)

    def forget(self) -> None:
        """Make the next answer look at the directories again, for those who just wrote there."""
        with self._lock:
            self._answers.clear()

    def forget_older(self, age_s: float) -> None:
        """Forget an answer that was older than `age_s`, for those who ask again and again."""
        with self._lock:
            if time.monotonic() - self._looked_at_s >= age_s:
                self._answers.clear()

    def _scan(self) -> list[Coverage]:
        self._restat_until = time.monotonic() + RESTAT_BUDGET_S
        found: list[Coverage] = []
        for mode in TradingMode:
            for symbol in _names(self.directory / mode):
                if SYMBOL_PATTERN.fullmatch(symbol):
                    found.extend(self._coverage_of(mode, symbol))
        if self._wrote:
            self._wrote = False
            self._space.make_room()
        return sorted(found, key=lambda c: (c.symbol, c.trading_mode, c.timeframe.ms))

    def _coverage_of(self, mode: TradingMode, symbol: str) -> list[Coverage]:
        tables = self._all_lines(mode, symbol)
        lines = list(tables.values())
        before = self._symbols.get((mode, symbol))
        if before and _same_objects(before[0], lines):
            return before[1]
        entries = [_coverage(symbol, mode, timeframe, tables) for timeframe in Timeframe]
        found = [entry for entry in entries if entry]
        self._symbols[mode, symbol] = (lines, found)
        return found

    def _all_lines(self, mode: TradingMode, symbol: str) -> dict[Timeframe, Lines]:
        return {timeframe: self._lines(mode, symbol, timeframe) for timeframe in Timeframe}

    def _lines(self, mode: TradingMode, symbol: str, timeframe: Timeframe) -> Lines:
        directory = self.directory / mode / symbol / timeframe
        try:
            mtime_ns = os.stat(directory).st_mtime_ns
            known = self._indexes.get(directory)
            stored = self.index_directory / mode / symbol / f"{timeframe}.days"
            if known is None:
                check_inside(directory, self.root)
                known = read_index(stored)
                note_use(stored)
            if known.directory_mtime_ns != mtime_ns or self._may_restat(known):
                check_inside(directory, self.root)
                index = index_directory(directory, symbol, timeframe, self.root, known)
                if np.array_equal(index.lines, known.lines):
                    # The same object: what was worked out from it stays good.
                    index = DayIndex(known.lines, index.directory_mtime_ns, index.checked_ns)
                write_index(stored, index)
                self._wrote = True
                known = index
        except (OSError, DataError) as failure:
            if not isinstance(failure, FileNotFoundError | NotADirectoryError):
                log.warning("series_not_indexed directory=%s reason=%s", directory, failure)
            self._indexes.pop(directory, None)
            return NO_LINES
        self._indexes[directory] = known
        return known.lines

    def _may_restat(self, known: DayIndex) -> bool:
        old = time.time_ns() - known.checked_ns > RESTAT_NS
        return old and time.monotonic() < self._restat_until


def _same_objects(left: list[Lines], right: list[Lines]) -> bool:
    return len(left) == len(right) and all(a is b for a, b in zip(left, right, strict=True))


def _serving(
    tables: dict[Timeframe, Lines], timeframe: Timeframe
) -> tuple[Lines, npt.NDArray[np.int64]]:
    """The index lines that serve each day of `timeframe`, and the timeframe each comes from."""
    parts, covered, ranks = [NO_LINES], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for rank, source in enumerate(source_order(timeframe)):
        lines = tables.get(source, NO_LINES)
        parts.append(lines)
        own = np.full(len(lines), OWN_FILE)
        covered.append(covered_by(lines, source) if source != timeframe else own)
        ranks.append(np.full(len(lines), rank))
    lines, rank_of = np.concatenate(parts), np.concatenate(ranks)
    chosen = serving(lines["day"], np.concatenate(covered), rank_of)
    sources = np.array([TIMEFRAMES.index(source) for source in source_order(timeframe)])
    return lines[chosen], sources[rank_of[chosen]]


def _coverage(
    symbol: str, mode: TradingMode, timeframe: Timeframe, tables: dict[Timeframe, Lines]
) -> Coverage | None:
    lines, sources = _serving(tables, timeframe)
    slot, step = TIMEFRAMES.index(timeframe), timeframe.ms
    held = lines["bars"][:, slot] > 0
    lines, sources = lines[held], sources[held]
    if not len(lines):
        return None
    first = lines["first"] - lines["first"] % step
    last = lines["last"] - lines["last"] % step
    between = int(np.count_nonzero(first[1:] - last[:-1] > step))
    resampled = int(np.count_nonzero(sources != slot))
    return Coverage(
        symbol=symbol,
        trading_mode=mode,
        timeframe=timeframe,
        first=int(first[0]),
        last=int(last[-1]),
        bars=int(lines["bars"][:, slot].sum()),
        gaps=int(lines["gaps"][:, slot].sum()) + between,
        source="resampled" if resampled == len(lines) else "native",
        days=len(lines),
        resampled_days=resampled,
        synthetic=is_synthetic(symbol),
    )


def _names(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []
