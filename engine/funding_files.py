"""Monthly funding files -> Funding, under the same rules as the bars' files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np

from engine.bars import Funding
from engine.daily_files import check_inside, read_file, stat_day_file
from engine.enums import Timeframe
from engine.errors import DataError
from engine.file_checks import (
    BrokenFileError,
    FileProblem,
    header_problem,
    moment,
    parse_number,
    parse_timestamp,
    split_lines,
)

FUNDING_HEADER = "timestamp,funding_rate"
MAX_FUNDING_FILE_BYTES = 1024 * 1024


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
    rates: dict[int, float] = {}
    counts = {"unsorted": 0, "duplicates": 0}
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
        found, wrong = examine_funding(read_file(path, MAX_FUNDING_FILE_BYTES), year, month, counts)
        problems.extend(FileProblem(path, line, reason) for line, reason in wrong)
        rates.update(found)
    if problems:
        raise BrokenFileError(problems)
    times = sorted(rates)
    funding = Funding(np.array(times, np.int64), np.array([rates[t] for t in times], np.float64))
    return funding, counts


def examine_funding(
    content: bytes, year: int, month: int, counts: dict[str, int]
) -> tuple[dict[int, float], list[tuple[int, str]]]:
    """Rates by settlement time, and (line, reason) of each bad row; adds to `counts`."""
    lines = split_lines(content)
    wrong = header_problem(lines[0] if lines else "", FUNDING_HEADER)
    if wrong:
        return {}, [(1, wrong)]
    start = int(np.datetime64(f"{year:04d}-{month:02d}", "M").astype("datetime64[ms]").astype(int))
    after = np.datetime64(f"{year:04d}-{month:02d}", "M") + 1
    stop = int(after.astype("datetime64[ms]").astype(int))
    rates: dict[int, float] = {}
    problems: list[tuple[int, str]] = []
    latest = -1
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip(" \t"):
            continue
        fields = line.split(",")
        if len(fields) < 2:
            problems.append((number, f"has {len(fields)} of the 2 columns"))
            continue
        timestamp, reasons = parse_timestamp(fields[0])
        rate, reason = parse_number("funding_rate", fields[1])
        if reason:
            reasons.append(reason)
        elif not reasons and not start <= timestamp < stop:
            reasons.append(f"timestamp {moment(timestamp)} is outside {year:04d}-{month:02d}")
        elif not reasons and rates.get(timestamp, rate) != rate:
            reasons.append(f"a different rate for the timestamp {timestamp} stands above")
        if reasons:
            problems.extend((number, text) for text in reasons)
            continue
        if timestamp in rates:
            counts["duplicates"] += 1
        elif timestamp < latest:
            counts["unsorted"] += 1
        latest = max(latest, timestamp)
        rates[timestamp] = rate
    return rates, problems
