"""Rows that arrive in a stream -> whole UTC days of bars, in bounded memory.

Days stay open until the input ends or MAX_OPEN_DAYS are; then the oldest is handed on. A row for a
day that was handed on is refused: that input is out of order by more than a year.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.bars import Floats, Times
from engine.enums import DAY_MS, MINUTE_MS, Timeframe
from engine.history.careful_reader import (
    BrokenFileError,
    Conflict,
    FileProblem,
    broken,
    day_date,
    parse_row,
    when,
)
from engine.history.day_files import Columns, good_rows
from server.ingest.day_rows import DayRows, Places, join_rows

MAX_OPEN_DAYS = 400
MAX_LISTED_ROWS = 20
MINUTES = DAY_MS // MINUTE_MS
# Quantities have at most eight decimals; they are summed as whole numbers, so that a bar's volume
# is the float64 nearest to the true decimal sum, as the exchange publishes it.
_DECIMALS = 8
_SCALE = 10**_DECIMALS

DayDone = Callable[[int, DayRows], None]


class _Days:
    """Open days by number, oldest handed on first."""

    def __init__(self, done: DayDone, max_open_days: int) -> None:
        self._done = done
        self._max = max_open_days
        self._handed_on: set[int] = set()

    def check_open(self, day: int, where: Path, line: int) -> None:
        if day in self._handed_on:
            reason = f"a row of {day_date(day)} comes after more than {self._max} other days; "
            raise broken(where, reason + "sort the input by time, or convert it in parts", line)

    def hand_on(self, day: int, rows: DayRows) -> None:
        self._handed_on.add(day)
        if len(rows.columns.timestamp):
            self._done(day, rows)


@dataclass
class _Minutes:
    """One day of minutes under construction; `file` and `line` are of one trade of each."""

    first_id: Times = field(default_factory=lambda: np.full(MINUTES, np.iinfo(np.int64).max))
    last_id: Times = field(default_factory=lambda: np.full(MINUTES, -1, np.int64))
    trades: Times = field(default_factory=lambda: np.zeros(MINUTES, np.int64))
    open: Floats = field(default_factory=lambda: np.zeros(MINUTES))
    high: Floats = field(default_factory=lambda: np.zeros(MINUTES))
    low: Floats = field(default_factory=lambda: np.full(MINUTES, np.inf))
    close: Floats = field(default_factory=lambda: np.zeros(MINUTES))
    whole: Times = field(default_factory=lambda: np.zeros(MINUTES, np.int64))
    fraction: Times = field(default_factory=lambda: np.zeros(MINUTES, np.int64))
    file: Times = field(default_factory=lambda: np.zeros(MINUTES, np.int64))
    line: Times = field(default_factory=lambda: np.zeros(MINUTES, np.int64))


class TradeDays(_Days):
    """Trades -> days of 1m bars; the lowest trade id opens a bar, the highest closes it."""

    timeframe = Timeframe.M1

    def __init__(self, done: DayDone, max_open_days: int = MAX_OPEN_DAYS) -> None:
        super().__init__(done, max_open_days)
        self._open: dict[int, _Minutes] = {}
        self._files: list[Path] = []
        # The newest day that was handed on, and the last trade id of it.
        self._before = (-1, -1)
        self.duplicates = 0

    def add(
        self,
        ids: npt.NDArray[np.int64],
        price: Floats,
        qty: Floats,
        time: Times,
        where: Path,
        line: Times,
    ) -> None:
        """Add trades in any order. Raises DataError naming a line whose trade is none."""
        if not self._files or self._files[-1] != where:
            self._files.append(where)
        bad = np.flatnonzero(~((price > 0) & (qty >= 0) & (ids >= 0)))
        if len(bad):
            i = int(bad[0])
            reason = f"not a trade: id {ids[i]}, price {price[i]:g}, quantity {qty[i]:g}"
            raise broken(where, reason, int(line[i]))
        minute = time // MINUTE_MS
        order = np.lexsort((ids, minute))
        ids, price, qty, minute = ids[order], price[order], qty[order], minute[order]
        line = line[order]
        same = np.flatnonzero((ids[1:] == ids[:-1]) & (minute[1:] == minute[:-1])) + 1
        if len(same):
            differs = (price[same] != price[same - 1]) | (qty[same] != qty[same - 1])
            if differs.any():
                raise BrokenFileError(
                    [
                        Conflict(
                            where,
                            int(line[i]),
                            f"two different trades have the id {ids[i]}, this one and that of",
                            where,
                            int(line[i - 1]),
                        )
                        for i in same[differs].tolist()
                    ]
                )
            self.duplicates += len(same)
            keep = np.ones(len(ids), np.bool_)
            keep[same] = False
            ids, price, qty, minute = ids[keep], price[keep], qty[keep], minute[keep]
            line = line[keep]
        if not len(ids):
            return
        starts = np.flatnonzero(np.r_[True, minute[1:] != minute[:-1]])
        whole = np.floor(qty)
        groups = _Groups(
            minute[starts],
            ids[starts],
            np.r_[ids[starts[1:] - 1], ids[-1:]],
            np.diff(np.r_[starts, len(ids)]),
            price[starts],
            np.maximum.reduceat(price, starts),
            np.minimum.reduceat(price, starts),
            np.r_[price[starts[1:] - 1], price[-1:]],
            np.add.reduceat(whole.astype(np.int64), starts),
            np.add.reduceat(np.rint((qty - whole) * _SCALE).astype(np.int64), starts),
            line[starts],
        )
        days = groups.minute // MINUTES
        for day in np.unique(days).tolist():
            self._merge(day, groups.where(days == day), where)

    def _merge(self, day: int, new: _Groups, where: Path) -> None:
        self.check_open(day, where, int(new.line[0]))
        if day not in self._open:
            self._open[day] = _Minutes()
            if len(self._open) > self._max:
                self._close(min(self._open))
        held = self._open[day]
        at = new.minute - day * MINUTES
        earlier = new.first_id < held.first_id[at]
        held.open[at] = np.where(earlier, new.open, held.open[at])
        held.first_id[at] = np.minimum(held.first_id[at], new.first_id)
        later = new.last_id > held.last_id[at]
        held.close[at] = np.where(later, new.close, held.close[at])
        held.last_id[at] = np.maximum(held.last_id[at], new.last_id)
        held.high[at] = np.maximum(held.high[at], new.high)
        held.low[at] = np.minimum(held.low[at], new.low)
        fresh = held.trades[at] == 0
        held.file[at] = np.where(fresh, len(self._files) - 1, held.file[at])
        held.line[at] = np.where(fresh, new.line, held.line[at])
        held.trades[at] += new.trades
        held.whole[at] += new.whole
        held.fraction[at] += new.fraction
        again = np.flatnonzero(held.trades[at] > held.last_id[at] - held.first_id[at] + 1)
        if len(again):
            i, minute = int(again[0]), int(at[again[0]])
            reason = (
                f"from here on it holds trades of {when(int(new.minute[i]) * MINUTE_MS)} that were "
                "read before; give each trade once. The first of that minute stand in"
            )
            other = self._files[int(held.file[minute])]
            there = int(held.line[minute])
            raise BrokenFileError([Conflict(where, int(new.line[i]), reason, other, there)])

    def close(self) -> None:
        """Hand on every day that is still open."""
        for day in sorted(self._open):
            self._close(day)

    def _close(self, day: int) -> None:
        held = self._open.pop(day)
        filled = np.flatnonzero(held.trades)
        volume = [
            float(f"{whole + fraction // _SCALE}.{fraction % _SCALE:0{_DECIMALS}d}")
            for whole, fraction in zip(
                held.whole[filled].tolist(), held.fraction[filled].tolist(), strict=True
            )
        ]
        columns = Columns(
            day * DAY_MS + filled * MINUTE_MS,
            held.open[filled],
            held.high[filled],
            held.low[filled],
            held.close[filled],
            np.array(volume, np.float64),
        )
        # A minute whose trades all have quantity 0 is still a bar; it has no volume.
        places = Places(tuple(self._files), held.file[filled], held.line[filled])
        self.hand_on(day, DayRows(self.timeframe, columns, places, self._covered(day, held)))
        self._before = (day, int(held.last_id[filled[-1]]))

    def _covered(self, day: int, held: _Minutes) -> npt.NDArray[np.bool_]:
        """The minutes that the trades tell of, shape (MINUTES,).

        Those with trades; and those without between two trades whose ids follow each other, for
        then nothing was traded in them. What lies before the first trade of the input or after
        its last is not known: the input may be part of a day.
        """
        filled = np.flatnonzero(held.trades)
        covered = held.trades > 0
        first, last = held.first_id[filled], held.last_id[filled]
        for i in np.flatnonzero(first[1:] == last[:-1] + 1).tolist():
            covered[filled[i] : filled[i + 1]] = True
        if self._before == (day - 1, int(first[0]) - 1):
            covered[: filled[0]] = True
        after = self._open.get(day + 1)
        if after is not None and int(after.first_id.min()) == int(last[-1]) + 1:
            covered[filled[-1] :] = True
        return covered


@dataclass(frozen=True)
class _Groups:
    """What the trades of one block make of each minute."""

    minute: Times
    first_id: Times
    last_id: Times
    trades: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    whole: Times
    fraction: Times
    line: Times

    def where(self, rows: npt.NDArray[np.bool_]) -> _Groups:
        return _Groups(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})


class KlineDays(_Days):
    """Published bars -> days of bars, each row judged by the rules of the store.

    Bars off the timeframe's grid (the exchange published some after an outage in 2018) are left
    out and listed; any other row that is no bar is a DataError.
    """

    def __init__(
        self, done: DayDone, timeframe: Timeframe, max_open_days: int = MAX_OPEN_DAYS
    ) -> None:
        super().__init__(done, max_open_days)
        self.timeframe = timeframe
        self._open: dict[int, list[DayRows]] = {}
        self.duplicates = 0
        self.left_out: list[str] = []
        self.left_out_rows = 0

    def add(self, columns: Columns, odd: npt.NDArray[np.bool_], where: Path, line: Times) -> None:
        """Add rows in any order; `odd` marks those whose time is finer than a millisecond."""
        off = odd | (columns.timestamp % self.timeframe.ms != 0)
        days = columns.timestamp // DAY_MS
        good = good_rows(columns, days, self.timeframe, ordered=False)
        bad = np.flatnonzero(~good & ~off)
        if len(bad):
            raise BrokenFileError(self._reasons(columns, bad, where, line))
        if off.any():
            self.left_out_rows += int(off.sum())
            room = MAX_LISTED_ROWS - len(self.left_out)
            for i in np.flatnonzero(off)[: max(0, room)].tolist():
                self.left_out.append(
                    f"{where} line {line[i]}: {when(int(columns.timestamp[i]))} is off the "
                    f"{self.timeframe} grid; left out"
                )
            columns = Columns(columns.timestamp[~off], *(c[~off] for c in columns[1:]))
            days, line = days[~off], line[~off]
        order = np.argsort(days, kind="stable")
        edges = np.flatnonzero(np.diff(days[order])) + 1
        for rows in np.split(order, edges) if len(order) else []:
            day = int(days[rows[0]])
            self.check_open(day, where, int(line[rows[0]]))
            part = Columns(columns.timestamp[rows], *(c[rows] for c in columns[1:]))
            places = Places.of_file(where, line[rows])
            self._open.setdefault(day, []).append(DayRows.of(self.timeframe, part, places))
            if len(self._open) > self._max:
                self._close([min(self._open)])

    def close(self) -> None:
        """Hand on every day that is still open."""
        self._close(sorted(self._open))

    def _close(self, days: list[int]) -> None:
        """Raises DataError naming every bar that contradicts another; then no day is handed on."""
        problems: list[FileProblem] = []
        joined: list[tuple[int, DayRows]] = []
        for day in days:
            rows, copies, conflicts = join_rows(self._open.pop(day))
            self.duplicates += copies
            problems.extend(conflicts)
            joined.append((day, rows))
        if problems:
            raise BrokenFileError(problems)
        for day, rows in joined:
            self.hand_on(day, rows)

    def _reasons(
        self, columns: Columns, bad: npt.NDArray[np.int64], where: Path, line: Times
    ) -> list[FileProblem]:
        found: list[FileProblem] = []
        for i in bad[:MAX_LISTED_ROWS].tolist():
            timestamp = int(columns.timestamp[i])
            text = ",".join([str(timestamp), *(repr(float(c[i])) for c in columns[1:])])
            _, reasons = parse_row(text, self.timeframe, timestamp // DAY_MS)
            found.extend(FileProblem(where, int(line[i]), reason) for reason in reasons)
        return found
