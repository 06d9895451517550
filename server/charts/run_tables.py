"""The numbers of a run, ready to be looked at: columns in memory-mapped files, kept in the cache.

A year of 1m bars makes a portfolio.csv of 50 MB, which takes about a second to parse and must
not be parsed for every picture of it. What a run's tables hold is therefore kept a second time
as plain columns; a page touches only those that it draws. The file can always be rebuilt from
the artifacts, and short runs do without one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from engine.account.records import ACTIONS, PHASES, REASONS, SIDES
from engine.analysis.csv_text import Column, Texts, Words
from engine.history.cache_space import CacheSpace, note_use
from engine.history.column_file import ColumnFile, read_columns, write_columns
from server.storage.artifacts import Artifacts

TABLES = ("portfolio", "trades", "round_trips")
Table = dict[str, Column]
Plots = dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]

# Fewer rows than this in all tables are parsed from their files faster than a page is drawn.
MIN_CACHED_ROWS = 2_000
KIND = "series 3"
_PIECE_BYTES = 512 * 1024
_WORDS: dict[str, tuple[str, ...]] = {
    "action": ACTIONS,
    "position_type": SIDES,
    "reason": REASONS,
    "exit_reason": REASONS,
    "phase": PHASES,
}
# Columns whose texts are whatever the run has.
_TEXTS = {"symbol", "tag"}
_INTEGERS = {"timestamp", "entry_time", "exit_time", "bars_held"}


@dataclass(frozen=True, eq=False)
class RunSeries:
    """Tables of a run by name (TABLES), each its columns by name; and the strategy's plots."""

    tables: dict[str, Table]
    plots: Plots = field(default_factory=dict)

    def numbers(self, table: str, column: str) -> npt.NDArray[Any]:
        """A column's numbers, a column of words as its codes."""
        found = self.tables[table][column]
        return found if isinstance(found, np.ndarray) else np.asarray(found[0])

    def length(self, table: str) -> int:
        return len(self.numbers(table, next(iter(self.tables[table]))))


class SeriesCache:
    """Series of runs, kept in a folder of their own within the space of all caches."""

    def __init__(
        self,
        space: CacheSpace,
        artifacts: Artifacts,
        note: Callable[[str, int], None] = lambda backtest_id, size: None,
    ) -> None:
        """`note` is told what a run's file takes as soon as that changes."""
        self.directory = space.directory / "series"
        self._artifacts = artifacts
        self._space = space
        self._note = note
        space.on_removed(self._removed)

    def save(
        self,
        backtest_id: str,
        tables: Mapping[str, Table],
        plots: Plots,
        most_bytes: int | None = None,
    ) -> int:
        """Keep what was just stored, so that the first look at it need not parse it; the bytes.

        A cache that cannot be written (a full disk), or takes more than `most_bytes`, costs time
        later, and nothing now.
        """
        series = RunSeries({name: dict(tables[name]) for name in TABLES}, dict(plots))
        rows = sum(series.length(name) for name in TABLES) + sum(len(t) for t, _ in plots.values())
        if rows < MIN_CACHED_ROWS:
            return 0
        path = self._path(backtest_id)
        try:
            _write(path, series, self._stamp(backtest_id))
            size = path.stat().st_size
            if most_bytes is not None and size > most_bytes:
                path.unlink()
                return 0
            self._space.make_room()
        except OSError:
            return 0
        return size if path.exists() else 0

    def load(self, backtest_id: str) -> RunSeries | None:
        """The series of a run, read-only; None when the run has left no tables."""
        stamp = self._stamp(backtest_id)
        if stamp is None:
            return None
        path = self._path(backtest_id)
        series = _read(path, stamp)
        if series is None:
            series = _parse(self._artifacts, backtest_id)
            if series is not None:
                self._note(backtest_id, self.save(backtest_id, series.tables, series.plots))
        else:
            note_use(path)
        return series

    def forget(self, backtest_id: str) -> None:
        with suppress(OSError):  # A cache that cannot be written is no use, and no harm.
            self._path(backtest_id).unlink()

    def _path(self, backtest_id: str) -> Path:
        return self.directory / f"{backtest_id}.series"

    def _stamp(self, backtest_id: str) -> list[int] | None:
        """What tells the stored files from others under the same id: size and time of one."""
        path = self._artifacts.path(backtest_id, "portfolio.csv")
        try:
            found = path.stat() if path else None
        except FileNotFoundError:
            return None
        return [found.st_size, found.st_mtime_ns] if found else None

    def _removed(self, path: Path) -> None:
        if path.parent == self.directory:
            self._note(path.stem, 0)


def _write(path: Path, series: RunSeries, stamp: list[int] | None) -> None:
    columns: list[npt.NDArray[Any]] = []
    tables: dict[str, list[Any]] = {}
    for name, table in series.tables.items():
        # A column's name and the words that its codes stand for, null for numbers.
        tables[name] = entries = []
        for column, content in table.items():
            assert not isinstance(content, Texts)
            words = list(content.words) if isinstance(content, Words) else None
            entries.append([column, words])
            columns.append(_plain(content.codes if isinstance(content, Words) else content))
    for timestamp, value in series.plots.values():
        columns += [_plain(timestamp), _plain(value)]
    meta = {"stamp": stamp, "tables": tables, "plots": list(series.plots)}
    write_columns(path, KIND, meta, columns)


def _plain(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return column.astype(np.int64) if column.dtype.kind == "i" else column


def _read(path: Path, stamp: list[int]) -> RunSeries | None:
    """The series in a file; None when there is none, or it is another's, or broken."""

    def build(file: ColumnFile) -> RunSeries | None:
        if file.meta["stamp"] != stamp:
            return None
        columns = iter(file.columns)
        tables: dict[str, Table] = {
            name: {
                column: next(columns) if words is None else Words(next(columns), words)
                for column, words in entries
            }
            for name, entries in file.meta["tables"].items()
        }
        plots = {name: (next(columns), next(columns)) for name in file.meta["plots"]}
        return RunSeries(tables, plots)

    return read_columns(path, KIND, build)


def _parse(artifacts: Artifacts, backtest_id: str) -> RunSeries | None:
    tables = {}
    for name in TABLES:
        content = artifacts.read(backtest_id, f"{name}.csv")
        if content is None:
            return None
        tables[name] = parse_table(content)
    portfolio = tables["portfolio"]
    # Runs of earlier versions did not publish it: unknown, and blank on their pages.
    portfolio.setdefault("position_size", np.full(len(portfolio["timestamp"]), np.nan))
    plots = {
        name: (
            np.array([at for at, _ in points], dtype=np.int64),
            np.array([np.nan if v is None else v for _, v in points], dtype=np.float64),
        )
        for name, points in (artifacts.read_json(backtest_id, "plots.json") or {}).items()
    }
    return RunSeries(tables, plots)


def parse_table(content: bytes) -> Table:
    """The columns of one of our CSV files: integers, floats (blank is NaN) and words.

    Raises ValueError when it is none.
    """
    header, _, body = content.partition(b"\n")
    names = header.decode().split(",")
    if not _INTEGERS & set(names):
        raise ValueError(f"the table's header is {header[:40]!r}")
    if not any(name in _WORDS or name in _TEXTS for name in names):
        return _parse_numbers(names, body)
    pieces: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in names}
    words: dict[str, dict[str, int]] = {
        name: {word: code for code, word in enumerate(_WORDS.get(name, ()))}
        for name in names
        if name in _WORDS or name in _TEXTS
    }
    rows = csv.reader(io.StringIO(body.decode(), newline=""))
    while True:
        # A few rows at a time: the texts of half a million rows at once take ten times the file.
        chunk = [row for _, row in zip(range(4_096), rows, strict=False)]
        if not chunk:
            break
        for name, texts in zip(names, zip(*chunk, strict=True), strict=True):
            if name in words:
                codes = words[name]
                numbers = [codes.setdefault(text, len(codes)) for text in texts]
                pieces[name].append(np.array(numbers, _code_type(name)))
            elif name in _INTEGERS:
                pieces[name].append(np.array(list(map(int, texts)), np.int64))
            else:
                floats = [float(text) if text else np.nan for text in texts]
                pieces[name].append(np.array(floats, np.float64))
    table: Table = {}
    for name in names:
        dtype = np.int64 if name in _INTEGERS else np.float64
        empty = np.empty(0, _code_type(name) if name in words else dtype)
        column = np.concatenate([empty, *pieces[name]])
        table[name] = Words(column, list(words[name])) if name in words else column
    return table


def _code_type(name: str) -> type[np.integer]:
    return np.int64 if name == "tag" else np.uint8  # every trade may have a tag of its own


def _parse_numbers(names: list[str], body: bytes) -> Table:
    """The columns of a table without words: pieces of it are read as lists of JSON numbers.

    That takes a tenth of the time of reading texts. Times in ms are whole as floats too.
    """
    pieces, start = [np.empty((0, len(names)))], 0
    while start < len(body):
        end = body.find(b"\n", min(start + _PIECE_BYTES, len(body) - 1)) + 1 or len(body)
        text = b"," + body[start:end].rstrip(b"\n").replace(b"\n", b",") + b","
        if b",," in text:  # missing numbers, perhaps several in a row
            text = text.replace(b",,", b",null,").replace(b",,", b",null,")
        numbers = np.array(orjson.loads(b"[" + text[1:-1] + b"]"), np.float64)
        pieces.append(numbers.reshape(-1, len(names)))
        start = end
    matrix = np.concatenate(pieces)
    return {
        name: matrix[:, i].astype(np.int64 if name in _INTEGERS else np.float64)
        for i, name in enumerate(names)
    }
