"""Monthly funding files -> Funding, under the same rules as the bars' files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from engine.bars import Funding
from engine.enums import Timeframe
from engine.errors import DataError
from engine.history.careful_reader import (
    BrokenFileError,
    Conflict,
    FileProblem,
    first_line,
    header_problem,
    moment,
    parse_number,
    parse_timestamp,
    split_lines,
)
from engine.history.day_files import check_inside, read_file, stat_day_file

FUNDING_HEADER = "timestamp,funding_rate"
MAX_FUNDING_FILE_BYTES = 1024 * 1024
# Exchanges publish one settlement's time with or without its milliseconds of delay, and none
# settles twice within a minute: rows closer than this are copies of one settlement.
MIN_SETTLEMENT_DISTANCE_MS = 60_000


@dataclass(frozen=True)
class Settlement:
    """One row: `rate` is a fraction, `path` and `line` say where it was read."""

    timestamp: int
    rate: float
    path: Path
    line: int


def months(start: date, end: date) -> Iterator[tuple[int, int]]:
    """(year, month) of every month that the inclusive range touches."""
    year, month = start.year, start.month
    while (year, month) <= (end.year, end.month):
        yield year, month
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)


def funding_path(directory: Path, symbol: str, year: int, month: int) -> Path:
    """`directory` is the symbol's own, the one that holds its timeframes."""
    return directory / "funding" / f"{symbol}_funding_{year:04d}-{month:02d}.csv"


def load_funding(
    directory: Path, root: str, symbol: str, start: date, end: date
) -> tuple[Funding, dict[str, int]]:
    """Settlements of the months of an inclusive range, and the counts of untidy rows.

    Raises DataError naming the first month without a file, BrokenFileError for bad rows.
    """
    check_inside(directory / "funding", root)
    rows: list[Settlement] = []
    problems: list[FileProblem] = []
    for year, month in months(start, end):
        path = funding_path(directory, symbol, year, month)
        file = stat_day_file(path, Timeframe.D1, 0, root)
        if file is None:
            raise DataError(
                f"funding rates of {symbol} for {year:04d}-{month:02d} are missing "
                f"({path.name}); download them with `sandtable data download --funding`, choose "
                "another range, or run without funding"
            )
        found, wrong = read_settlements(read_file(path, MAX_FUNDING_FILE_BYTES), path, year, month)
        rows.extend(found)
        problems.extend(wrong)
    settlements, copies, conflicts = one_each(rows)
    problems.extend(conflicts)
    if problems:
        raise BrokenFileError(problems)
    funding = Funding(
        np.array([row.timestamp for row in settlements], np.int64),
        np.array([row.rate for row in settlements], np.float64),
    )
    return funding, {"unsorted": disorder(settlements), "duplicates": copies}


def read_settlements(
    content: bytes, path: Path, year: int, month: int
) -> tuple[list[Settlement], list[FileProblem]]:
    """The good rows of a month's file in the order they stand in it, and what is wrong with others.

    Copies are still among the rows; `one_each` drops them.
    """
    lines = split_lines(content)
    head = first_line(lines)
    wrong = header_problem(lines[head] if lines else "", FUNDING_HEADER)
    if wrong:
        return [], [FileProblem(path, head + 1, wrong)]
    start = int(np.datetime64(f"{year:04d}-{month:02d}", "M").astype("datetime64[ms]").astype(int))
    after = np.datetime64(f"{year:04d}-{month:02d}", "M") + 1
    stop = int(after.astype("datetime64[ms]").astype(int))
    rows: list[Settlement] = []
    problems: list[FileProblem] = []
    for number, line in enumerate(lines[head + 1 :], start=head + 2):
        if not line.strip(" \t"):
            continue
        fields = line.split(",")
        if len(fields) < 2:
            problems.append(FileProblem(path, number, f"has {len(fields)} of the 2 columns"))
            continue
        timestamp, reasons = parse_timestamp(fields[0])
        rate, reason = parse_number("funding_rate", fields[1])
        if reason:
            reasons.append(reason)
        elif not reasons and not start <= timestamp < stop:
            reasons.append(f"timestamp {moment(timestamp)} is outside {year:04d}-{month:02d}")
        problems.extend(FileProblem(path, number, text) for text in reasons)
        if not reasons:
            rows.append(Settlement(timestamp, rate, path, number))
    return rows, problems


def disorder(settlements: Sequence[Settlement]) -> int:
    """How many of them stand below a later one in the files; by name, files are in order."""
    latest = unsorted = 0
    for row in sorted(settlements, key=lambda row: (row.path, row.line)):
        unsorted += row.timestamp < latest
        latest = max(latest, row.timestamp)
    return unsorted


def one_each(
    rows: Sequence[Settlement],
) -> tuple[list[Settlement], int, list[Conflict]]:
    """(settlements in order of time, rows dropped as copies, rows that contradict another).

    Rows less than MIN_SETTLEMENT_DISTANCE_MS apart are one settlement, the earliest of them. A
    conflict is told of the row that was read later.
    """
    order = {id(row): number for number, row in enumerate(rows)}
    settlements: list[Settlement] = []
    conflicts: list[Conflict] = []
    previous = 0
    for row in sorted(rows, key=lambda row: row.timestamp):
        if not settlements or row.timestamp - previous >= MIN_SETTLEMENT_DISTANCE_MS:
            settlements.append(row)
        elif row.rate != settlements[-1].rate:
            first, second = sorted((settlements[-1], row), key=lambda row: order[id(row)])
            conflicts.append(_conflict(first, second))
        previous = row.timestamp
    return settlements, len(rows) - len(settlements) - len(conflicts), conflicts


def _conflict(first: Settlement, second: Settlement) -> Conflict:
    distance = abs(second.timestamp - first.timestamp)
    said = f"a different rate for the timestamp {moment(second.timestamp)}, "
    said += f"{first.rate!r} instead of {second.rate!r}"
    said += f" {distance:,} ms away, stands in" if distance else ", stands in"
    return Conflict(second.path, second.line, said, first.path, first.line)
