"""Indicators: what a strategy computed over all bars, kept in a file of ours to be drawn.

A child of the sandbox told these numbers and nothing checks them, so nothing but the picture
uses them. They cannot be worked out again from the other files of a run; they therefore stand
beside these, count in the quota and go with them, but are no download.

One file: a line of JSON that says which lines follow, then each as float64, a value a bar.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from engine.config import MAX_INDICATOR_LINES
from sandbox.job import Indicators

_MAGIC = b"sandtable indicators 1\n"
_ALIGNMENT = 64

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
    header = {
        "rows": max((len(values) for values in indicators.lines.values()), default=0),
        "lines": [[name, *(range_of(v) or (None, None))] for name, v in indicators.lines.items()],
        "left_out": indicators.left_out,
        "first_left_out": list(indicators.first_left_out),
    }
    lead = _MAGIC + orjson.dumps(header) + b"\n"
    yield lead + bytes(-len(lead) % _ALIGNMENT)
    for values in indicators.lines.values():
        yield np.ascontiguousarray(values, "<f8").tobytes()


def load(path: Path | None) -> KeptIndicators:
    """What a file holds; nothing when there is none, or it is broken."""
    if path is None:
        return NO_INDICATORS
    try:
        with open(path, "rb") as handle:
            content = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
        if content[: len(_MAGIC)] != _MAGIC:
            return NO_INDICATORS
        end = content.find(b"\n", len(_MAGIC)) + 1
        header = orjson.loads(content[len(_MAGIC) : end])
        return _read(header, content, end + -end % _ALIGNMENT)
    except (OSError, ValueError, KeyError, TypeError):
        return NO_INDICATORS


def range_of(values: Values) -> Range | None:
    """The lowest and the highest of the numbers among `values`; None without any."""
    lowest = float(np.fmin.reduce(values)) if len(values) else np.nan
    return None if np.isnan(lowest) else (lowest, float(np.fmax.reduce(values)))


def _read(header: dict[str, Any], content: mmap.mmap, position: int) -> KeptIndicators:
    lines, ranges = {}, {}
    rows = int(header["rows"])
    for name, low, high in header["lines"][:MAX_INDICATOR_LINES]:
        lines[name] = np.frombuffer(content, "<f8", rows, position)
        position += 8 * rows
        if low is not None:
            ranges[name] = (low, high)
    return KeptIndicators(lines, ranges, int(header["left_out"]), tuple(header["first_left_out"]))
