"""`sandtable data check`: everything that can be said about files of the store.

Broken files are those that a backtest would refuse; the rest (gaps, copies, disorder, bars without
volume, wild bars, timeframes that contradict each other) is told, and up to its reader to judge.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.dates import parse_date
from engine.enums import DAY_MS, SYMBOL_PATTERN, Timeframe
from engine.errors import DataError
from engine.history.careful_reader import BrokenFileError, FileProblem, day_number
from engine.history.data_quality import find_gaps, is_synthetic
from engine.history.day_files import (
    MAX_DAY_FILE_BYTES,
    NO_ROWS,
    Columns,
    DayFile,
    ParsedDays,
    parse_days,
    read_file,
    stat_day_file,
)
from engine.history.funding_files import (
    MAX_FUNDING_FILE_BYTES,
    Settlement,
    disorder,
    one_each,
    read_settlements,
)
from engine.history.resample import finer_divisors, resample
from engine.history.wild_bars import wild_bars
from server.ingest.data_report import MAX_BROKEN_ROWS, MAX_LISTED, DataReport, SeriesCheck

_PRICE_TOLERANCE = 1e-9
_VOLUME_TOLERANCE = 1e-6

_DAY_NAME = re.compile(
    r"(?P<symbol>[A-Z0-9]{2,20})_(?P<timeframe>[0-9]+[mhd])_(?P<day>\d{4}-\d\d-\d\d)\.csv", re.ASCII
)
_FUNDING_NAME = re.compile(
    r"(?P<symbol>[A-Z0-9]{2,20})_funding_(?P<year>\d{4})-(?P<month>\d\d)\.csv", re.ASCII
)


def check_data(
    path: Path, progress: Callable[[int, int, str], None] = lambda done, total, note: None
) -> DataReport:
    """Judge every file of the store below `path`, or the one file that it is.

    `progress(files done, files in all, directory)`. Raises DataError when there is nothing.
    """
    report = DataReport(str(path))
    # Links to folders are not followed, but for the store as a whole.
    store = path / "binance"
    path = store if store.is_symlink() else path
    groups = _find(path, report)
    if not groups and not report.stray_files:
        raise DataError(f"{path}: holds no market data")
    root = os.path.realpath(path if path.is_dir() else path.parent)
    total = sum(len(files) for files in groups.values())
    done = 0
    symbols: dict[Path, dict[Timeframe, Columns]] = {}
    for (folder, symbol, kind), names in sorted(groups.items(), key=lambda item: str(item[0])):
        progress(done, total, str(folder))
        done += len(names)
        if kind == "funding":
            report.funding.append(_check_funding(folder, symbol, names, root, report))
            continue
        timeframe = Timeframe(kind)
        held = symbols.setdefault(folder.parent, {})
        if len(symbols) > 1 and not held:
            # Series of the symbol before are compared; their columns can go.
            for finished in [key for key in symbols if key != folder.parent]:
                _compare(symbols.pop(finished), finished, report)
        checked, columns = _check_series(folder, symbol, timeframe, names, root, report)
        report.series.append(checked)
        held[timeframe] = columns
    for finished, held in symbols.items():
        _compare(held, finished, report)
    progress(total, total, "")
    return report


def _find(path: Path, report: DataReport) -> dict[tuple[Path, str, str], list[str]]:
    """File names by (folder, symbol, timeframe or "funding"); links to folders are not followed."""
    groups: dict[tuple[Path, str, str], list[str]] = {}
    places: Iterator[tuple[str, list[str]]]
    if path.is_dir():
        places = ((folder, names) for folder, _, names in os.walk(path))
    else:
        places = iter([(str(path.parent), [path.name])] if path.exists() else [])
    for folder, names in places:
        for name in sorted(names):
            if name.startswith(".") or not name.endswith(".csv"):
                continue
            day, month = _DAY_NAME.fullmatch(name), _FUNDING_NAME.fullmatch(name)
            if day and day["timeframe"] in tuple(Timeframe) and parse_date(day["day"]):
                key = (Path(folder), day["symbol"], day["timeframe"])
            elif month and 1 <= int(month["month"]) <= 12:
                key = (Path(folder), month["symbol"], "funding")
            else:
                report.stray_files.append(os.path.join(folder, name))
                continue
            wrong_place = Path(folder).name != key[2] or Path(folder).parent.name != key[1]
            if wrong_place and path.is_dir() and SYMBOL_PATTERN.fullmatch(Path(folder).parent.name):
                report.stray_files.append(os.path.join(folder, name))
                continue
            groups.setdefault(key, []).append(name)
    return groups


def _check_series(
    folder: Path,
    symbol: str,
    timeframe: Timeframe,
    names: list[str],
    root: str,
    report: DataReport,
) -> tuple[SeriesCheck, Columns]:
    check = SeriesCheck(str(folder), symbol, str(timeframe), synthetic=is_synthetic(symbol))
    files = []
    for name in names:
        check.files += 1
        day = day_number(date.fromisoformat(name[-14:-4]))
        try:
            file = stat_day_file(folder / name, timeframe, day, root)
            if file is not None and file.size > MAX_DAY_FILE_BYTES:
                read_file(file.path)
        except DataError as failure:
            _broken(report, check, str(folder / name), 0, str(failure))
            continue
        if file is not None:
            files.append(file)
    parsed = _parse_sound(files, check, report)
    columns = parsed.columns
    check.duplicates = int(parsed.duplicates.sum())
    check.unsorted = int(parsed.unsorted.sum())
    check.empty_files = int(np.count_nonzero(parsed.rows == 0))
    check.bars = len(columns.timestamp)
    if check.bars:
        _describe(check, columns, timeframe)
        days = [day_number(date.fromisoformat(name[-14:-4])) for name in names]
        check.missing_days = days[-1] - days[0] + 1 - len(days)
    return check, columns


def _parse_sound(files: list[DayFile], check: SeriesCheck, report: DataReport) -> ParsedDays:
    """The rows of the files that are not broken; the others go into the report."""
    while True:
        try:
            return parse_days(files)
        except BrokenFileError as broken:
            _tell(report, check, broken.problems)
            names = {str(problem.path) for problem in broken.problems}
            files = [file for file in files if file.path not in names]


def _tell(report: DataReport, check: SeriesCheck | None, problems: Iterable[FileProblem]) -> None:
    for problem in problems:
        file, place = str(problem.path), f"{problem.path} line {problem.line}: "
        _broken(report, check, file, problem.line, str(problem).removeprefix(place))


def _broken(report: DataReport, check: SeriesCheck | None, file: str, line: int, why: str) -> None:
    if file not in report.broken_paths:
        report.broken_paths.add(file)
        if check is not None:
            check.broken_files += 1
    if len(report.broken) < MAX_BROKEN_ROWS:
        report.broken.append({"file": file, "line": line, "reason": why})


def _describe(check: SeriesCheck, columns: Columns, timeframe: Timeframe) -> None:
    check.first, check.last = int(columns.timestamp[0]), int(columns.timestamp[-1])
    check.gap_count, check.missing_bars, check.gaps = find_gaps(columns.timestamp, timeframe.ms)
    idle = columns.volume == 0
    check.zero_volume_bars = int(np.count_nonzero(idle))
    edges = np.flatnonzero(np.diff(np.r_[False, idle, False]))
    stretches = [
        {"start": int(columns.timestamp[start]), "bars": int(stop - start)}
        for start, stop in edges.reshape(-1, 2)
    ]
    check.zero_volume_stretches = sorted(stretches, key=lambda s: -s["bars"])[:MAX_LISTED]
    found = outliers(columns, timeframe)
    check.outlier_count = len(found)
    check.outliers = sorted(found, key=lambda o: -abs(o["deviations"]))[:MAX_LISTED]


def outliers(columns: Columns, timeframe: Timeframe) -> list[dict[str, Any]]:
    """The wild bars as documents, in order of time."""
    return [bar.to_document() for bar in wild_bars(columns, timeframe)]


def _compare(series: dict[Timeframe, Columns], folder: Path, report: DataReport) -> None:
    """Hold each timeframe to the finest one that has the same day, complete buckets only."""
    for check in report.series:
        if Path(check.directory).parent != folder:
            continue
        timeframe = Timeframe(check.timeframe)
        own = series.get(timeframe, NO_ROWS)
        open_days = np.unique(own.timestamp // DAY_MS)
        for source in finer_divisors(timeframe):
            finer = series.get(source)
            if finer is None or not len(open_days):
                continue
            days = finer.timestamp // DAY_MS
            rows = np.isin(days, open_days)
            if not rows.any():
                continue
            open_days = np.setdiff1d(open_days, days[rows])
            part = Columns(finer.timestamp[rows], *(column[rows] for column in finer[1:]))
            _compare_with(check, own, _complete(part, source, timeframe), source)


def _complete(columns: Columns, source: Timeframe, target: Timeframe) -> Columns:
    label = columns.timestamp - columns.timestamp % target.ms
    starts = np.flatnonzero(np.r_[True, label[1:] != label[:-1]])
    whole = np.diff(np.r_[starts, len(label)]) == target.ms // source.ms
    built, _ = resample(columns, source, target)
    return Columns(built.timestamp[whole], *(column[whole] for column in built[1:]))


def _compare_with(check: SeriesCheck, own: Columns, built: Columns, source: Timeframe) -> None:
    common, at, other = np.intersect1d(own.timestamp, built.timestamp, return_indices=True)
    check.compared_bars += len(common)
    differs: dict[str, npt.NDArray[np.bool_]] = {}
    for name in Columns._fields[1:]:
        a, b = getattr(own, name)[at], getattr(built, name)[other]
        tolerance = _VOLUME_TOLERANCE if name == "volume" else _PRICE_TOLERANCE
        differs[name] = np.abs(a - b) > tolerance * np.maximum(np.abs(a), np.abs(b))
    wrong = np.flatnonzero(np.any(list(differs.values()), axis=0))
    check.disagreement_count += len(wrong)
    for i in wrong[: max(0, MAX_LISTED - len(check.disagreements))]:
        columns = [name for name, rows in differs.items() if rows[i]]
        check.disagreements.append(
            {"timestamp": int(common[i]), "finer": str(source), "columns": columns}
        )


def _check_funding(
    folder: Path, symbol: str, names: list[str], root: str, report: DataReport
) -> dict[str, Any]:
    rows: list[Settlement] = []
    for name in names:
        path = folder / name
        match = _FUNDING_NAME.fullmatch(name)
        if match is None:
            continue
        try:
            stat_day_file(path, Timeframe.D1, 0, root)
            content = read_file(path, MAX_FUNDING_FILE_BYTES)
        except DataError as failure:
            _broken(report, None, str(path), 0, str(failure))
            continue
        found, wrong = read_settlements(content, path, int(match["year"]), int(match["month"]))
        rows.extend(found)
        _tell(report, None, wrong)
    settlements, copies, conflicts = one_each(rows)
    _tell(report, None, conflicts)
    times = [row.timestamp for row in settlements]
    steps = Counter(round((b - a) / 3_600_000) for a, b in pairwise(times))
    return {
        "directory": str(folder),
        "symbol": symbol,
        "files": len(names),
        "settlements": len(times),
        "first": times[0] if times else None,
        "last": times[-1] if times else None,
        "hours_between": dict(sorted(steps.items())),
        "unsorted": disorder(settlements),
        "duplicates": copies,
    }
