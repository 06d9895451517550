"""One bound for all caches on disk, and nothing removed but what is theirs."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from engine.history.cache_space import ABANDONED_S, CacheSpace, note_use
from engine.history.store import Store

FIRST = date(2024, 1, 1)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def put(path: Path, size: int, used_s: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, (used_s, used_s))
    return path


def left(directory: Path) -> list[str]:
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file())


def test_one_byte_more_than_all_may_take_removes_the_longest_unused(cache: Path) -> None:
    put(cache / "series/a.series", 40, 30)
    put(cache / "columns/x/spot/BTCUSDT/1m.columns", 50, 10)
    put(cache / "catalogue/x/spot/BTCUSDT/1m.days", 10, 20)

    CacheSpace(cache, 100).make_room()
    assert len(left(cache)) == 3
    CacheSpace(cache, 99).make_room()
    assert left(cache) == ["catalogue/x/spot/BTCUSDT/1m.days", "series/a.series"]


def test_what_was_used_last_stays(cache: Path) -> None:
    used = put(cache / "columns/x/spot/BTCUSDT/1m.columns", 50, 10)
    put(cache / "series/a.series", 50, 20)
    note_use(used)
    assert used.stat().st_mtime == 10  # part of the state by which a mapped file is known

    CacheSpace(cache, 60).make_room()
    assert left(cache) == ["columns/x/spot/BTCUSDT/1m.columns"]


def test_who_counts_the_files_is_told_of_each_that_goes(cache: Path) -> None:
    gone = [put(cache / f"series/{name}.series", 10, age) for age, name in enumerate("ab")]
    put(cache / "series/c.series", 10, 5)
    told: list[Path] = []
    space = CacheSpace(cache, 10)
    space.on_removed(told.append)
    space.make_room()
    assert told == gone


def test_nothing_else_in_the_directory_is_touched_and_no_link_followed(
    cache: Path, tmp_path: Path
) -> None:
    put(tmp_path / "elsewhere/a.series", 500, 1)
    put(cache / "backtests/bt_1/trades.csv", 500, 1)
    put(cache / "sandtable.db", 500, 1)
    put(cache / "columns/x/1m.columns", 10, 1)
    (cache / "columns/outside").symlink_to(tmp_path / "elsewhere")

    CacheSpace(cache, 0).make_room()
    assert not (cache / "columns/x/1m.columns").exists()
    assert (tmp_path / "elsewhere/a.series").exists()
    assert (cache / "backtests/bt_1/trades.csv").exists()
    assert (cache / "sandtable.db").exists()


def test_a_file_that_somebody_is_writing_is_left_to_them(cache: Path) -> None:
    put(cache / "series/.a.series.00ff00ff", 500, 1)
    CacheSpace(cache, 0).make_room()
    assert left(cache) == ["series/.a.series.00ff00ff"]


def test_a_space_without_a_directory_is_empty(cache: Path) -> None:
    CacheSpace(cache, 0).make_room()
    CacheSpace(cache, 0).remove_leftovers()
    assert left(cache) == []


def test_leftovers_of_earlier_versions_and_of_crashes_are_removed(cache: Path) -> None:
    now_s = int(datetime.now(UTC).timestamp())
    put(cache / "catalogue/spot/BTCUSDT/1m.npy", 10, now_s)
    put(cache / "catalogue/0a0b/spot/BTCUSDT/1h.npy", 10, now_s)
    put(cache / "series/.a.series.00ff00ff", 10, int(now_s - ABANDONED_S - 60))
    kept = [
        put(cache / "series/.b.series.00ff00ff", 10, now_s),
        put(cache / "catalogue/0a0b/spot/BTCUSDT/1h.days", 10, 1),
        put(cache / "series/c.series", 10, 1),
        put(cache / "mine/1h.npy", 10, 1),
    ]
    CacheSpace(cache).remove_leftovers()
    assert left(cache) == sorted(str(path.relative_to(cache)) for path in kept)


def write_day(data: Path, symbol: str, day: date) -> None:
    folder = data / "binance" / "spot" / symbol / "1h"
    folder.mkdir(parents=True, exist_ok=True)
    start = int(datetime(*day.timetuple()[:3], tzinfo=UTC).timestamp() * 1000)
    rows = [f"{start + hour * 3_600_000},100,101,99,100,1" for hour in range(24)]
    path = folder / f"{symbol}_1h_{day}.csv"
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]) + "\n")
    os.utime(path, (1, 1))


def test_parsed_history_makes_room_and_is_served_all_the_same(tmp_path: Path, cache: Path) -> None:
    data, last = tmp_path / "data", FIRST + timedelta(days=29)
    for symbol in ("AAAUSDT", "BBBUSDT"):
        for number in range(30):
            write_day(data, symbol, FIRST + timedelta(days=number))

    def load(symbol: str, space: CacheSpace) -> int:
        store = Store(data, cache, space=space)
        return len(store.load(symbol, "1h", "spot", FIRST, last).bars)

    assert load("AAAUSDT", CacheSpace(cache)) == 720
    (first,) = (cache / "columns").rglob("*.columns")
    os.utime(first, (1, 1))
    size = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())

    # There is room for one of the two, and what belongs to it.
    bound = CacheSpace(cache, size + 2_000)
    assert load("BBBUSDT", bound) == 720
    (second,) = (cache / "columns").rglob("*.columns")
    assert second.parent.name == "BBBUSDT"
    assert load("AAAUSDT", CacheSpace(cache, 1)) == 720
    assert not list((cache / "columns").rglob("*.columns"))


def test_an_index_counts_too(tmp_path: Path, cache: Path) -> None:
    write_day(tmp_path / "data", "AAAUSDT", FIRST)
    assert len(Store(tmp_path / "data", cache, space=CacheSpace(cache, 1)).catalogue()) > 0
    assert left(cache) == []
