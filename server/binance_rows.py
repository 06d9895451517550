"""Binance's published layouts: which file is what, and its rows as columns, block by block.

A file says what it is by its name (`BTCUSDT-1m-2025-02.csv`), else by its header, else by the shape
of its first row. Headers come and go between markets and years; so do milliseconds and
microseconds, which is why the unit of time is judged row by row.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.bars import Floats, Times
from engine.enums import Timeframe
from engine.errors import DataError
from engine.file_checks import HEADER, parse_number, without_bom

BLOCK_BYTES = 4 * 1024 * 1024
MAX_LINE_BYTES = 64 * 1024
MAX_LISTED_LINES = 20


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
    """Some rows of a file: columns by name, `time` in ms and `line` the number of the first.

    `odd_time` marks rows whose time was finer than a millisecond.
    """

    line: int
    columns: dict[str, Floats]
    time: Times
    odd_time: npt.NDArray[np.bool_]


def published_name(name: str) -> PublishedName | None:
    """What the name of a file says, None when it does not follow the published form."""
    match = _NAME.match(PurePosixPath(name).name)
    if not match:
        return None
    what = match["what"]
    if what in ("trades", "aggTrades", "fundingRate"):
        return PublishedName(match["symbol"], Kind(what), None, match["period"])
    if what not in tuple(Timeframe):
        raise DataError(
            f"{name}: bars of {what} are not kept; the timeframes are {', '.join(Timeframe)}"
        )
    return PublishedName(match["symbol"], Kind.KLINES, Timeframe(what), match["period"])


def guess_kind(where: str, first_line: str) -> Kind:
    """The kind of file that starts with `first_line`. Raises DataError when it is none of ours."""
    fields = first_line.split(",")
    if fields[:6] == HEADER.split(","):
        return Kind.KLINES  # Our own files: the same columns in the same places.
    if not fields[0].strip().isdigit():
        kind = _HEADERS.get(fields[0].strip().lower())
        if kind:
            return kind
    elif len(fields) == 12:
        return Kind.KLINES
    elif len(fields) in (6, 7, 8) and fields[5].strip().lower() in ("true", "false"):
        return Kind.TRADES
    elif len(fields) in (7, 8) and fields[6].strip().lower() in ("true", "false"):
        return Kind.AGG_TRADES
    elif len(fields) == 3:
        return Kind.FUNDING
    raise DataError(
        f"{where} line 1: neither klines, trades, aggTrades nor funding rates as Binance "
        f"publishes them: {first_line[:80]!r}"
    )


def read_blocks(
    stream: IO[bytes], where: str, kind: Kind | None, block_bytes: int = BLOCK_BYTES
) -> tuple[Kind, Iterator[Block]]:
    """The kind of the file and its rows, a few megabytes at a time. Raises DataError by line."""
    pieces = _whole_lines(stream, where, block_bytes)
    try:
        first = next(pieces)
    except StopIteration:
        raise DataError(f"{where}: is empty") from None
    first = without_bom(first)
    head = first.split(b"\n", 1)[0].decode("utf-8", "replace").rstrip("\r")
    has_header = not head.split(",")[0].strip().isdigit()
    if has_header or kind is None:
        guessed = guess_kind(where, head)
        if kind is not None and guessed != kind:
            raise DataError(f"{where} line 1: the name says {kind}, the header {guessed}")
        kind = guessed
    return kind, _blocks(kind, where, first, pieces, has_header)


def _blocks(
    kind: Kind, where: str, first: bytes, pieces: Iterator[bytes], has_header: bool
) -> Iterator[Block]:
    line, piece = 1, first
    if has_header:
        line, piece = 2, first.split(b"\n", 1)[1] if b"\n" in first else b""
    width = piece.count(b",", 0, piece.find(b"\n")) + 1
    while True:
        if piece:
            yield _parse(kind, where, line, piece, width)
            line += piece.count(b"\n")
        following = next(pieces, None)
        if following is None:
            return
        piece = following


def _whole_lines(stream: IO[bytes], where: str, block_bytes: int) -> Iterator[bytes]:
    """The stream in pieces that end with a line; the last line gets its "\\n" when it lacks it."""
    rest = b""
    while True:
        piece = stream.read(block_bytes)
        if not piece:
            break
        cut = piece.rfind(b"\n") + 1
        if not cut:
            rest += piece
            if len(rest) > max(MAX_LINE_BYTES, block_bytes):
                raise DataError(f"{where}: a line is longer than {MAX_LINE_BYTES:,} bytes")
            continue
        yield rest + piece[:cut]
        rest = piece[cut:]
    if rest:
        yield rest + b"\n"


def _parse(kind: Kind, where: str, line: int, piece: bytes, width: int) -> Block:
    layout = LAYOUTS[kind]
    if b"\r" in piece:
        piece = piece.replace(b"\r\n", b"\n")
    table = None
    if piece.isascii() and b"\r" not in piece and b"\0" not in piece:
        table = _read_csv(layout, piece, width)
    if table is None:
        raise DataError(_complaint(layout, where, line, piece))
    columns = {name: table[name].to_numpy() for name in layout.columns.values()}
    for name in layout.columns.values():
        if name not in layout.whole and not np.isfinite(columns[name]).all():
            raise DataError(_complaint(layout, where, line, piece))
    time, odd = to_milliseconds(columns.pop("time"), where, line)
    return Block(line, columns, time, odd)


def _read_csv(layout: Layout, piece: bytes, width: int) -> pd.DataFrame | None:
    names = [layout.columns.get(position, f"other {position}") for position in range(width)]
    wanted = list(layout.columns.values())
    if not set(wanted) <= set(names):
        return None
    try:
        with np.errstate(invalid="ignore"):
            return pd.read_csv(
                io.BytesIO(piece),
                header=None,
                names=names,
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


def _complaint(layout: Layout, where: str, first_line: int, piece: bytes) -> str:
    """What is wrong with the rows of a block that could not be read, with their lines."""
    problems = []
    for number, text in enumerate(piece.decode("utf-8", "replace").split("\n")[:-1], first_line):
        fields = text.split(",")
        if len(fields) <= max(layout.columns):
            problems.append(f"line {number}: has {len(fields)} columns: {text[:60]!r}")
        else:
            for position, name in layout.columns.items():
                value, reason = parse_number(name, fields[position])
                if not reason and name in layout.whole and not value.is_integer():
                    reason = f"{name} must be a whole number; got {fields[position]!r:.40}"
                if reason:
                    problems.append(f"line {number}: {reason}")
        if len(problems) >= MAX_LISTED_LINES:
            break
    return f"{where} " + ("; ".join(problems) or f"from line {first_line}: cannot be read")


def to_milliseconds(
    time: npt.NDArray[np.int64], where: str, line: int = 1
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
        raise DataError(
            f"{where} line {line + first}: {int(time[first])} is not a time in seconds, "
            "milliseconds, microseconds or nanoseconds since 1970"
        )
    return result, odd
