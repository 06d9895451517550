"""The rows of daily files, each file parsed once for as long as it stays as it is.

What was parsed before comes out of the columnar cache, memory-mapped; only files that changed
since are parsed again, and the series is stored anew when the disk allows it.
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.enums import Timeframe, TradingMode
from engine.history.cache_space import CacheSpace, note_use
from engine.history.column_cache import (
    DAY_DTYPE,
    EMPTY_SERIES,
    Series,
    day_checksums,
    read_series,
    write_series,
)
from engine.history.column_file import Mapping
from engine.history.day_files import NO_ROWS, RACY_NS, Columns, DayFile, join_columns, parse_days

log = logging.getLogger(__name__)

_LOCKS = 32


class ParsedDays:
    """Parsed days of all series under one cache directory; safe under threads.

    `counts`: files parsed, and stored series that had to be made anew.
    """

    def __init__(self, directory: Path, space: CacheSpace) -> None:
        self._directory = directory
        self._space = space
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        self.counts = {"parsed_files": 0, "rebuilt": 0}

    def take(
        self, symbol: str, mode: TradingMode, source: Timeframe, files: list[DayFile]
    ) -> tuple[npt.NDArray[np.void], list[Columns], Mapping | None]:
        """The day table and the rows of `files`, all of one series, parsed only where needed.

        And the file that the rows are a view of, if they are one.
        """
        path = self._directory / mode / symbol / f"{source}.columns"
        with self._locks[hash((mode, symbol, source)) % _LOCKS]:
            wanted = np.array([f.day for f in files], np.int64)
            series = read_series(path)
            positions = (series or EMPTY_SERIES).positions(wanted)
            if series is None:
                if path.exists():
                    log.warning("columns_rebuilt path=%s", path)
                    self.counts["rebuilt"] += 1
                series = EMPTY_SERIES
            table = series.days[positions] if len(series.days) else np.zeros(len(files), DAY_DTYPE)
            sizes = np.array([f.size for f in files], np.int64)
            mtimes = np.array([f.mtime_ns for f in files], np.int64)
            fresh = (positions >= 0) & (table["size"] == sizes) & (table["mtime_ns"] == mtimes)
            if not fresh.all():
                stale = [file for file, good in zip(files, fresh, strict=True) if not good]
                series = self._extend(path, series, stale)
                positions = series.positions(wanted)
            elif files:
                note_use(path)
        return series.days[positions], series.rows(positions), series.mapping

    def _extend(self, path: Path, series: Series, stale: list[DayFile]) -> Series:
        """The series with the rows of `stale` parsed afresh, stored when the disk allows it."""
        now = time.time_ns()
        parsed = parse_days(stale)
        self.counts["parsed_files"] += len(stale)
        table = np.zeros(len(stale), DAY_DTYPE)
        table["day"] = [file.day for file in stale]
        table["size"] = [file.size for file in stale]
        table["mtime_ns"] = [f.mtime_ns if f.mtime_ns < now - RACY_NS else -1 for f in stale]
        table["rows"], table["start"] = parsed.rows, np.cumsum(parsed.rows) - parsed.rows
        table["unsorted"], table["duplicates"] = parsed.unsorted, parsed.duplicates
        table["checksum"] = day_checksums(parsed.columns, table)
        merged = _merge(series, Series(table, parsed.columns))
        try:
            write_series(path, *merged)
        except OSError as failure:
            log.warning("columns_not_stored path=%s reason=%s", path, failure)
        else:
            stored = read_series(path)
            self._space.make_room()
            # Another process may have stored its own series in between; both are good.
            if stored is not None and np.array_equal(stored.days, merged[0]):
                return stored
        return Series(merged[0], join_columns(merged[1]))


def _merge(old: Series, new: Series) -> tuple[npt.NDArray[np.void], list[Columns]]:
    """Days of both, ascending, the new one's where both have a day; and their rows in pieces."""
    kept = np.flatnonzero(~np.isin(old.days["day"], new.days["day"]))
    if not len(kept):
        return new.days, [new.columns]
    days = np.concatenate((old.days[kept], new.days))
    order = np.argsort(days["day"], kind="stable")
    pieces = []
    breaks = np.flatnonzero(np.diff(order) != 1) + 1
    for run in np.split(order, breaks):
        # A run lies in one of the two, or passes from the last kept day to the first new one.
        for owner, positions in (
            (old, kept[run[run < len(kept)]]),
            (new, run[run >= len(kept)] - len(kept)),
        ):
            pieces.extend(owner.rows(positions))
    return days[order], pieces or [NO_ROWS]
