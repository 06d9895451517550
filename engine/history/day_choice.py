"""The file that serves each day of a range, chosen among the files as they are on disk."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.enums import DAY_MS, Timeframe, TradingMode
from engine.history.careful_reader import day_number
from engine.history.catalogue import Catalogue
from engine.history.day_files import DayFile, check_inside, stat_day_file
from engine.history.day_index import covered_of_file
from engine.history.day_sources import OWN_FILE, source_order


def choose_files(
    catalogue: Catalogue,
    symbol: str,
    timeframe: Timeframe,
    mode: TradingMode,
    first: int,
    last: int,
) -> list[DayFile]:
    """One file for each day from `first` to `last` that has any, by ascending day.

    The rule is `day_sources.serving`. What a file covers is asked only where a day has several to
    choose from; the index answers it while the file is in the state that was indexed.
    """
    days_of: dict[Timeframe, npt.NDArray[np.int64]] = {}
    for source in source_order(timeframe):
        days = days_in(catalogue.directory / mode / symbol / source, symbol, source)
        days_of[source] = days[(days >= first) & (days <= last)]
        if source == timeframe and len(days_of[source]) == last - first + 1:
            break
    days, counts = np.unique(np.concatenate(list(days_of.values())), return_counts=True)
    contested = set(days[counts > 1].tolist())
    served: dict[int, DayFile] = {}
    covered: dict[int, int] = {}
    for source, days in days_of.items():
        directory = catalogue.directory / mode / symbol / source
        wanted = [day for day in days.tolist() if covered.get(day, -1) < DAY_MS]
        files = _files(directory, symbol, source, wanted, catalogue.root)
        lines = None
        for file in files:
            share = OWN_FILE
            if source != timeframe and file.day in contested:
                if lines is None:
                    lines = catalogue.lines(symbol, mode, source)
                share = covered_of_file(file, lines)
            # Finer sources come first: of equals the finest stays.
            if share > covered.get(file.day, -1):
                covered[file.day], served[file.day] = share, file
    return [served[day] for day in sorted(served)]


def days_in(directory: Path, symbol: str, timeframe: Timeframe) -> npt.NDArray[np.int64]:
    """Days with a file of the published name in `directory`, ascending; no file is opened."""
    try:
        names = os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return np.empty(0, np.int64)
    matches = re.compile(
        re.escape(f"{symbol}_{timeframe}_") + r"(\d{4}-\d\d-\d\d)\.csv", re.ASCII
    ).fullmatch
    found = []
    for name in names:
        match = matches(name)
        if match:
            try:
                found.append(day_number(date.fromisoformat(match[1])))
            except ValueError:
                continue
    return np.array(sorted(found), np.int64)


def _files(
    directory: Path, symbol: str, source: Timeframe, days: Sequence[int], root: str
) -> list[DayFile]:
    """The files of `days` as they stand now. Raises DataError for one that leads out of `root`."""
    if not days:
        return []
    check_inside(directory, root)
    prefix = f"{directory}{os.sep}{symbol}_{source}_"
    dates = np.array(days, np.int64).astype("datetime64[D]").astype(str).tolist()
    files = (
        stat_day_file(f"{prefix}{name}.csv", source, day, root)
        for day, name in zip(days, dates, strict=True)
    )
    return [file for file in files if file is not None]
