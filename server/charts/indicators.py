"""Indicators: what a strategy computed over all bars, kept in a file of ours to be drawn.

A child of the sandbox told these numbers and nothing checks them, so nothing but the picture
uses them. They cannot be worked out again from the other files of a run; they therefore stand
beside these, count in the quota and go with them, but are no download.

One file of columns (`engine.history.column_file`), each a line as float64, a value a bar.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from engine.config import MAX_INDICATOR_LINES
from engine.history.column_file import ALIGNMENT, ColumnFile, column_bytes, read_columns
from sandbox.job import Indicators

KIND = "indicators 2"
_FIRST_MAGIC = b"sandtable indicators 1\n"

Values = npt.NDArray[np.float64]
Range = tuple[float, float]


@dataclass(frozen=True, eq=False)
class KeptIndicators:
    """Lines by name, shape (bars done,), read-only; and the lowest and highest value of each
    that has any. `left_out` counts lines beyond the limits, named in part."""

    lines: Mapping[str, Values] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)
    left_out: int = 0
    first_left_out: tuple[str, ...] = ()


NO_INDICATORS = KeptIndicators()


def pieces(indicators: Indicators) -> Iterator[bytes]:
    """The content of the file."""
    ranges = {name: range_of(values) for name, values in indicators.lines.items()}
    meta = {
        "lines": [
            [name, *(extent if extent and np.isfinite(extent).all() else (None, None))]
            for name, extent in ranges.items()
        ],
        "left_out": indicators.left_out,
        "first_left_out": list(indicators.first_left_out),
    }
    lines = [np.asarray(values, "<f8") for values in indicators.lines.values()]
    yield from column_bytes(KIND, meta, lines)


def load(path: Path | None) -> KeptIndicators:
    """What a file holds; nothing when there is none, or it is broken."""
    if path is None:
        return NO_INDICATORS
    return read_columns(path, KIND, _kept) or first_format(path) or NO_INDICATORS


def range_of(values: Values) -> Range | None:
    """The lowest and the highest of the numbers among `values`; None without any."""
    lowest = float(np.fmin.reduce(values)) if len(values) else np.nan
    return None if np.isnan(lowest) else (lowest, float(np.fmax.reduce(values)))


def _kept(file: ColumnFile) -> KeptIndicators:
    meta = file.meta
    lines, ranges = {}, {}
    for (name, low, high), values in zip(meta["lines"], file.columns, strict=True):
        lines[name] = values
        if low is not None:
            ranges[name] = (low, high)
    return KeptIndicators(lines, ranges, meta["left_out"], tuple(meta["first_left_out"]))


def first_format(path: Path) -> KeptIndicators | None:
    """What a file of the first format holds: runs of then are still looked at. It has no checksum.

    A line of JSON `{rows, lines, left_out, first_left_out}`, then the lines as float64.
    """
    try:
        content = path.read_bytes()
        if not content.startswith(_FIRST_MAGIC):
            return None
        end = content.find(b"\n", len(_FIRST_MAGIC)) + 1
        header = orjson.loads(content[len(_FIRST_MAGIC) : end])
        rows, position = int(header["rows"]), end + -end % ALIGNMENT
        lines, ranges = {}, {}
        for name, low, high in header["lines"][:MAX_INDICATOR_LINES]:
            lines[name] = np.frombuffer(content, "<f8", rows, position)
            position += 8 * rows
            if low is not None:
                ranges[name] = (low, high)
        left_out = tuple(header["first_left_out"])
        return KeptIndicators(lines, ranges, int(header["left_out"]), left_out)
    except (OSError, ValueError, KeyError, TypeError):
        return None
