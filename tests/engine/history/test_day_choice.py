from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest

from engine.history.store import Store

HEADER = "timestamp,open,high,low,close,volume\n"
DAY = 1_704_067_200_000  # 2024-01-01
MINUTES = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 240, "1d": 1440}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def write(
    data: Path, timeframe: str, bars: Iterable[int], price: float, *, old: bool = True
) -> Path:
    """A file of 2024-01-01 with the bars of these numbers, all at one price."""
    folder = data / "binance/spot/PARTUSDT" / timeframe
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"PARTUSDT_{timeframe}_2024-01-01.csv"
    step = MINUTES[timeframe] * 60_000
    lines = (f"{DAY + i * step},{price},{price},{price},{price},1\n" for i in bars)
    path.write_text(HEADER + "".join(lines))
    if old:
        moment = path.stat().st_mtime - 100
        os.utime(path, (moment, moment))
    return path


def prices(data: Path, timeframe: str) -> list[float]:
    """What a run over the day is served: the close of each bar; the catalogue says as many."""
    store = Store(data, data.parent / "cache")
    day = date(2024, 1, 1)
    closes = store.load("PARTUSDT", timeframe, "spot", day, day).bars.close.tolist()
    (entry,) = (c for c in store.catalogue() if c.timeframe == timeframe)
    assert entry.bars == len(closes)
    return closes


@pytest.mark.parametrize("old", [True, False])
def test_five_minutes_do_not_stand_for_a_day_that_the_hours_have_whole(
    data: Path, old: bool
) -> None:
    write(data, "1m", range(5), 500.0, old=old)
    write(data, "1h", range(24), 100.0, old=old)

    assert prices(data, "4h") == [100.0] * 6
    assert prices(data, "1d") == [100.0]


def test_the_finest_of_two_whole_days_serves(data: Path) -> None:
    write(data, "15m", range(96), 15.0)
    write(data, "5m", range(288), 5.0)
    write(data, "1h", range(24), 60.0)

    assert prices(data, "4h") == [5.0] * 6


def test_of_cut_days_the_one_that_covers_most_serves(data: Path) -> None:
    # 7 hours of minutes, 8 of quarters, 7 of hours.
    write(data, "1m", range(420), 1.0)
    write(data, "15m", range(32), 15.0)
    write(data, "1h", range(7), 60.0)

    assert prices(data, "4h") == [15.0] * 2


def test_of_cut_days_that_cover_as_much_the_finest_serves(data: Path) -> None:
    write(data, "15m", range(32), 15.0)
    write(data, "5m", range(96), 5.0)

    assert prices(data, "1h") == [5.0] * 8


def test_the_timeframes_own_file_serves_whatever_it_holds(data: Path) -> None:
    write(data, "1h", range(3), 60.0)
    write(data, "1m", range(1440), 1.0)

    assert prices(data, "1h") == [60.0] * 3
    assert prices(data, "4h") == [1.0] * 6


def test_copies_of_a_row_do_not_make_a_day_whole(data: Path) -> None:
    write(data, "1m", [*range(1439), 7], 1.0)
    write(data, "5m", range(288), 5.0)

    assert prices(data, "4h") == [5.0] * 6


def test_a_file_that_grew_since_it_was_indexed_is_judged_by_what_it_holds_now(data: Path) -> None:
    write(data, "1m", range(5), 1.0)
    write(data, "1h", range(24), 60.0)
    store = Store(data, data.parent / "cache")
    day = date(2024, 1, 1)
    assert store.load("PARTUSDT", "4h", "spot", day, day).bars.close[0] == 60.0

    # Written in place: the directory's mtime stays, and the index with it.
    write(data, "1m", range(1440), 1.0)

    assert store.load("PARTUSDT", "4h", "spot", day, day).bars.close.tolist() == [1.0] * 6


def test_the_days_shown_name_the_source_that_serves(data: Path) -> None:
    write(data, "1m", range(5), 1.0)
    write(data, "1h", range(24), 60.0)

    (shown,) = Store(data, data.parent / "cache").coverage_days("PARTUSDT", "4h", "spot")

    assert (shown.source, shown.bars) == ("1h", 6)
