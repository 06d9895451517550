"""Binance's published layouts: which file is what, and its rows as columns, block by block.

A file says what it is by its name (`BTCUSDT-1m-2025-02.csv`), else by its header, else by the shape
of its first row. Headers come and go between markets and years; so do milliseconds and
microseconds, which is why the unit of time is judged row by row. Empty lines are no part of the
data wherever they stand; they only count as lines.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.bars import Floats, Times
from engine.enums import Timeframe
from engine.history.careful_reader import (
    HEADER,
    BrokenFileError,
    FileProblem,
    broken,
    parse_number,
    without_bom,
)

BLOCK_BYTES = 4 * 1024 * 1024
MAX_LINE_BYTES = 64 * 1024
MAX_LISTED_LINES = 20
# Klines say when they close behind the columns that are kept.
CLOSE_TIME = 6
_KLINE_COLUMNS = 12
# Where one of these stands behind a line's end, the next line may be empty.
_MAYBE_EMPTY = (b"\n\n", b"\n ", b"\n\t")


class Kind(StrEnum):
    KLINES = "klines"
    TRADES = "trades"
    AGG_TRADES = "aggTrades"
    FUNDING = "fundingRate"


@dataclass(frozen=True)
class Layout:
    """Where the columns that matter are: names by position in the file, and the time's."""

    columns: dict[int, str]
    time: str
    whole: tuple[str, ...]


LAYOUTS = {
    Kind.KLINES: Layout(
        {0: "time", 1: "open", 2: "high", 3: "low", 4: "close", 5: "volume"}, "time", ("time",)
    ),
    Kind.TRADES: Layout({0: "id", 1: "price", 2: "qty", 4: "time"}, "time", ("id", "time")),
    Kind.AGG_TRADES: Layout({0: "id", 1: "price", 2: "qty", 5: "time"}, "time", ("id", "time")),
    Kind.FUNDING: Layout({0: "time", 2: "rate"}, "time", ("time",)),
}
_HEADERS = {
    "open_time": Kind.KLINES,
    "agg_trade_id": Kind.AGG_TRADES,
    "id": Kind.TRADES,
    "trade_id": Kind.TRADES,
    "calc_time": Kind.FUNDING,
}
_NAME = re.compile(
    r"(?P<symbol>[A-Z0-9]{2,20})[-_]"
    r"(?P<what>[0-9]{1,2}[smhdwo]{1,2}|trades|aggTrades|fundingRate)[-_]"
    r"(?P<period>\d{4}-\d\d(?:-\d\d)?)",
    re.ASCII,
)
# The instants from 2001 to 2286 in each unit; the ranges are far apart, so a number can only
# be one of them. Divisors lead to milliseconds.
_UNITS = (
    ("seconds", 10**9, 10**10, -1000),
    ("milliseconds", 10**12, 10**13, 1),
    ("microseconds", 10**15, 10**16, 1000),
    ("nanoseconds", 10**18, 2**63 - 1, 1_000_000),
)


class PublishedName(NamedTuple):
    """What a published file name says; `timeframe` for klines only."""

    symbol: str
    kind: Kind
    timeframe: Timeframe | None
    period: str


class Block(NamedTuple):
    """Some rows of a file: columns by name, `time` in ms, `line` the number of each row's line.

    `odd_time` marks rows whose time was finer than a millisecond. `close_time` in ms is there for
    klines of files that have the column.
    """

    line: Times
    columns: dict[str, Floats]
    time: Times
    odd_time: npt.NDArray[np.bool_]
    close_time: Times | None = None


def published_name(name: str) -> PublishedName | None:
    """What the name of a file says, None when it does not follow the published form."""
    match = _NAME.match(PurePosixPath(name).name)
    if not match:
        return None
    what = match["what"]
    if what in ("trades", "aggTrades", "fundingRate"):
        return PublishedName(match["symbol"], Kind(what), None, match["period"])
    if what not in tuple(Timeframe):
        reason = f"bars of {what} are not kept; the timeframes are {', '.join(Timeframe)}"
        raise broken(Path(name), reason)
    return PublishedName(match["symbol"], Kind.KLINES, Timeframe(what), match["period"])


def guess_kind(first_line: str) -> Kind | None:
    """The kind of file that starts with `first_line`, None when it is none of ours."""
    fields = first_line.split(",")
    if fields[:6] == HEADER.split(","):
        return Kind.KLINES  # Our own files: the same columns in the same places.
    if not fields[0].strip().isdigit():
        return _HEADERS.get(fields[0].strip().lower())
    if len(fields) == _KLINE_COLUMNS:
        return Kind.KLINES
    if len(fields) in (6, 7, 8) and fields[5].strip().lower() in ("true", "false"):
        return Kind.TRADES
    if len(fields) in (7, 8) and fields[6].strip().lower() in ("true", "false"):
        return Kind.AGG_TRADES
    return Kind.FUNDING if len(fields) == 3 else None


def read_blocks(
    stream: IO[bytes], where: Path, kind: Kind | None, block_bytes: int = BLOCK_BYTES
) -> tuple[Kind, Iterator[Block]]:
    """The kind of the file and its rows, a few megabytes at a time. Raises DataError by line.

    `kind` is what the file's name says.
    """
    pieces = _numbered(_whole_lines(stream, where, block_bytes))
    first = next(pieces, None)
    if first is None:
        raise broken(where, "is empty")
    text, lines = first
    head = text.split(b"\n", 1)[0].decode("utf-8", "replace")
    has_header = not head.split(",")[0].strip().isdigit()
    guessed = guess_kind(head)
    kind_found = guessed or kind
    if kind_found is None or (has_header and guessed is None):
        reason = "neither klines, trades, aggTrades nor funding rates as Binance publishes them"
        raise broken(where, f"{reason}: {head[:80]!r}", int(lines[0]))
    if kind is not None and kind != kind_found:
        which = "header" if has_header else "columns are those of"
        raise broken(where, f"the name says {kind}, the {which} {guessed}", int(lines[0]))
    kind = kind_found
    if has_header:
        first = text.split(b"\n", 1)[1], lines[1:]
        fields = [field.strip().lower().replace(" ", "_") for field in head.split(",")]
        has_close_time = len(fields) > CLOSE_TIME and fields[CLOSE_TIME] == "close_time"
    else:
        has_close_time = head.count(",") + 1 == _KLINE_COLUMNS
    names = dict(LAYOUTS[kind].columns)
    if kind == Kind.KLINES and has_close_time:
        names[CLOSE_TIME] = "close_time"
    return kind, _blocks(_Form(LAYOUTS[kind], names, where), first, pieces)


_Piece = tuple[bytes, Times]


@dataclass(frozen=True)
class _Form:
    """How one file is laid out: `names` by position, those of its layout and maybe close_time."""

    layout: Layout
    names: dict[int, str]
    where: Path


def _blocks(form: _Form, first: _Piece, pieces: Iterator[_Piece]) -> Iterator[Block]:
    if first[0]:
        yield _parse(form, *first)
    for text, lines in pieces:
        yield _parse(form, text, lines)


def _numbered(pieces: Iterator[bytes]) -> Iterator[_Piece]:
    """Each piece without its empty lines, and the number in the file of each line that is left."""
    line = 1
    for number, piece in enumerate(pieces):
        text = piece if number else without_bom(piece)
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n")
        lines = np.arange(line, line + text.count(b"\n"))
        line += len(lines)
        if text[:1].isspace() or any(start in text for start in _MAYBE_EMPTY):
            rows = text.split(b"\n")[:-1]
            full = [index for index, row in enumerate(rows) if row.strip(b" \t")]
            text, lines = b"".join(rows[index] + b"\n" for index in full), lines[full]
        if text:
            yield text, lines


def _whole_lines(stream: IO[bytes], where: Path, block_bytes: int) -> Iterator[bytes]:
    """The stream in pieces that end with a line; the last line gets its "\n" when it lacks it."""
    rest = b""
    while True:
        piece = stream.read(block_bytes)
        if not piece:
            break
        cut = piece.rfind(b"\n") + 1
        if not cut:
            rest += piece
            if len(rest) > max(MAX_LINE_BYTES, block_bytes):
                raise broken(where, f"a line is longer than {MAX_LINE_BYTES:,} bytes")
            continue
        yield rest + piece[:cut]
        rest = piece[cut:]
    if rest:
        yield rest + b"\n"


def _parse(form: _Form, piece: bytes, lines: Times) -> Block:
    layout, names = form.layout, form.names
    table = None
    if piece.isascii() and b"\r" not in piece and b"\0" not in piece:
        table = _read_csv(layout, names, piece)
        if table is None and CLOSE_TIME in names:
            # What else may stand there is nothing that a bar needs.
            names = layout.columns
            table = _read_csv(layout, names, piece)
    if table is None:
        raise _complaint(form, lines, piece)
    columns = {name: table[name].to_numpy() for name in names.values()}
    for name in layout.columns.values():
        if name not in layout.whole and not np.isfinite(columns[name]).all():
            raise _complaint(form, lines, piece)
    time, odd = to_milliseconds(columns.pop("time"), form.where, lines)
    closes = columns.pop("close_time", None)
    return Block(lines, columns, time, odd, None if closes is None else _rough_ms(closes))


def _read_csv(layout: Layout, names: dict[int, str], piece: bytes) -> pd.DataFrame | None:
    width = piece.count(b",", 0, piece.find(b"\n")) + 1
    header = [names.get(position, f"other {position}") for position in range(width)]
    wanted = list(names.values())
    if not set(wanted) <= set(header):
        return None
    try:
        with np.errstate(invalid="ignore"):
            return pd.read_csv(
                io.BytesIO(piece),
                header=None,
                names=header,
                usecols=wanted,
                index_col=False,
                dtype={n: np.int64 if n in layout.whole else np.float64 for n in wanted},
                quoting=3,
                skip_blank_lines=False,
                keep_default_na=False,
                na_filter=False,
            )
    except (ValueError, OverflowError):
        return None


def _complaint(form: _Form, lines: Times, piece: bytes) -> BrokenFileError:
    """What is wrong with the rows of a block that could not be read, with their lines."""
    layout, where = form.layout, form.where
    problems: list[FileProblem] = []
    rows = piece.decode("utf-8", "replace").split("\n")[:-1]
    for number, text in zip(lines.tolist(), rows, strict=True):
        fields = text.split(",")
        if len(fields) <= max(layout.columns):
            reason = f"has {len(fields)} columns: {text[:60]!r}"
            problems.append(FileProblem(where, number, reason))
        else:
            for position, name in layout.columns.items():
                value, reason = parse_number(name, fields[position])
                if not reason and name in layout.whole and not value.is_integer():
                    reason = f"{name} must be a whole number; got {fields[position]!r:.40}"
                if reason:
                    problems.append(FileProblem(where, number, reason))
        if len(problems) >= MAX_LISTED_LINES:
            break
    return BrokenFileError(problems or [FileProblem(where, int(lines[0]), "cannot be read")])


def _rough_ms(time: Floats) -> Times:
    """Times of any unit in ms, -1 for what is none: good to tell a minute from an hour."""
    result = np.full(len(time), -1, np.int64)
    for _, low, high, divisor in _UNITS:
        rows = (time >= low) & (time < high)
        result[rows] = time[rows] * -divisor if divisor < 0 else time[rows] // divisor
    return result


def to_milliseconds(
    time: npt.NDArray[np.int64], where: Path, lines: Times
) -> tuple[Times, npt.NDArray[np.bool_]]:
    """Times in ms, whatever unit each row uses, and which rows were finer than a millisecond.

    Raises DataError for a number that is no instant from 2001 to 2286 in any of the units.
    """
    result = np.zeros(len(time), np.int64)
    odd = np.zeros(len(time), np.bool_)
    known = np.zeros(len(time), np.bool_)
    for _, low, high, divisor in _UNITS:
        rows = (time >= low) & (time < high)
        if not rows.any():
            continue
        known |= rows
        if divisor < 0:
            result[rows] = time[rows] * -divisor
        else:
            result[rows] = time[rows] // divisor
            odd[rows] = time[rows] % divisor != 0
    if not known.all():
        first = int(np.flatnonzero(~known)[0])
        reason = f"{int(time[first])} is not a time in seconds, milliseconds, microseconds or "
        raise broken(where, reason + "nanoseconds since 1970", int(lines[first]))
    return result, odd
