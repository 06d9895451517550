"""Funding rates -> monthly files of the store; what is stored stays unless it may be replaced."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.enums import DAY_MS, Timeframe, TradingMode
from engine.history.careful_reader import BrokenFileError, day_date
from engine.history.day_files import read_file, stat_day_file
from engine.history.funding_files import (
    FUNDING_HEADER,
    MAX_FUNDING_FILE_BYTES,
    MIN_SETTLEMENT_DISTANCE_MS,
    Settlement,
    funding_path,
    one_each,
    read_settlements,
)
from server.ingest.day_writer import number_text, symbol_directory, write_whole
from server.ingest.store_writer import StoredDataError


@dataclass(frozen=True)
class FundingPlan:
    """What is to be written: `contents` by path of the files that change.

    `unchanged` counts the files that do not, `copies` the rows that stood in the input twice.
    """

    contents: dict[Path, bytes]
    unchanged: int
    copies: int

    def write(self) -> None:
        for path, content in self.contents.items():
            write_whole(path, content)


def plan_funding(
    data_directory: Path, symbol: str, rows: Sequence[Settlement], *, overwrite: bool = False
) -> FundingPlan:
    """Join `rows` with the months that are stored.

    Rows less than a minute apart are one settlement; a stored one keeps its time. Raises
    BrokenFileError when rows contradict each other, StoredDataError when they contradict what is
    stored, or a stored file is broken, and `overwrite` is false.
    """
    settlements, copies, conflicts = one_each(rows)
    if conflicts:
        raise BrokenFileError(conflicts)
    months: dict[tuple[int, int], list[Settlement]] = {}
    for row in settlements:
        day = day_date(row.timestamp // DAY_MS)
        months.setdefault((day.year, day.month), []).append(row)
    directory = symbol_directory(data_directory, TradingMode.FUTURES, symbol)
    root = os.path.realpath(data_directory / "binance")
    contents: dict[Path, bytes] = {}
    problems = []
    for (year, month), fresh in sorted(months.items()):
        path = funding_path(directory, symbol, year, month)
        stored: list[Settlement] = []
        if stat_day_file(path, Timeframe.D1, 0, root) is not None:
            content = read_file(path, MAX_FUNDING_FILE_BYTES)
            stored, wrong = read_settlements(content, path, year, month)
            stored, _, contradictions = one_each(stored)
            if not overwrite:
                problems.extend([*wrong, *contradictions])
        if overwrite:
            merged = [*_far_from(stored, fresh), *fresh]
        else:
            _, _, contradictions = one_each([*stored, *fresh])
            problems.extend(contradictions)
            merged = [*stored, *_far_from(fresh, stored)]
        if {(row.timestamp, row.rate) for row in merged} != {(r.timestamp, r.rate) for r in stored}:
            contents[path] = _content(merged)
    if problems:
        raise StoredDataError(problems)
    return FundingPlan(contents, len(months) - len(contents), copies)


def _far_from(rows: Sequence[Settlement], others: Sequence[Settlement]) -> list[Settlement]:
    """Those of `rows` that are none of the settlements in `others`."""
    times = np.array(sorted(row.timestamp for row in others), np.int64)
    if not len(times):
        return list(rows)
    own = np.array([row.timestamp for row in rows], np.int64)
    after = np.searchsorted(times, own)
    before = np.abs(own - times[np.maximum(after - 1, 0)])
    distance = np.minimum(before, np.abs(times[np.minimum(after, len(times) - 1)] - own))
    far = distance >= MIN_SETTLEMENT_DISTANCE_MS
    return [row for row, is_far in zip(rows, far.tolist(), strict=True) if is_far]


def _content(rows: Sequence[Settlement]) -> bytes:
    lines = [
        f"{row.timestamp},{number_text(row.rate)}"
        for row in sorted(rows, key=lambda row: row.timestamp)
    ]
    return f"{FUNDING_HEADER}\n{chr(10).join(lines)}\n".encode()
