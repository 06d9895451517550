"""Bars -> the files of the store, each whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np

from engine.enums import DAY_MS, Timeframe, TradingMode
from engine.history.careful_reader import HEADER, day_date
from engine.history.day_files import Columns
from engine.history.whole_file import whole_file

FILE_MODE = 0o644


def day_path(
    data_directory: Path, mode: TradingMode, symbol: str, timeframe: Timeframe, day: date
) -> Path:
    """Where the contract wants the file of one UTC day."""
    folder = data_directory / "binance" / mode / symbol / timeframe
    return folder / f"{symbol}_{timeframe}_{day.isoformat()}.csv"


def symbol_directory(data_directory: Path, mode: TradingMode, symbol: str) -> Path:
    return data_directory / "binance" / mode / symbol


def write_whole(path: Path, content: bytes) -> None:
    """Write aside and rename, so that no reader ever sees half a file; readable by everybody."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path, mode=FILE_MODE) as file:
        file.write(content)


def write_if_changed(path: Path, content: bytes) -> bool:
    """Whether the file had to be written; one that holds `content` already is left alone."""
    try:
        if path.stat().st_size == len(content) and path.read_bytes() == content:
            return False
    except FileNotFoundError:
        pass
    write_whole(path, content)
    return True


def split_days(columns: Columns) -> Iterator[tuple[date, Columns]]:
    """The rows of each UTC day, in the order of ascending timestamps."""
    days = columns.timestamp // DAY_MS
    breaks = np.flatnonzero(np.diff(days)) + 1
    edges = [0, *breaks.tolist(), len(days)]
    for start, stop in pairwise(edges):
        if stop > start:
            yield day_date(days[start]), columns.take(start, stop)


def day_content(columns: Columns) -> bytes:
    """The file of one day. Numbers are the shortest text that reads back as the same float64."""
    texts = (map(number_text, column.tolist()) for column in columns[1:])
    lines = map(",".join, zip(map(str, columns.timestamp.tolist()), *texts, strict=True))
    return f"{HEADER}\n{chr(10).join(lines)}\n".encode()


def number_text(value: float) -> str:
    """The shortest text that reads back as the same float64, without a trailing ".0"."""
    text = repr(value)
    return text[:-2] if text.endswith(".0") else text
