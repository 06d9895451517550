from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.history.column_cache import DAY_DTYPE, day_checksums, read_series, write_series
from engine.history.day_files import Columns
from engine.history.store import Store

HEADER = "timestamp,open,high,low,close,volume\n"
DAY = 1_704_067_200_000  # 2024-01-01
HOUR = 3_600_000
JANUARY = date(2024, 1, 1), date(2024, 1, 31)


def write_day(data: Path, day: int, price: float = 100.0, count: int = 24) -> Path:
    """Write 2024-01-`day` of BTCUSDT hours, old enough to be remembered."""
    folder = data / "binance/spot/BTCUSDT/1h"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"BTCUSDT_1h_2024-01-{day:02d}.csv"
    start = DAY + (day - 1) * 24 * HOUR
    rows = [f"{start + hour * HOUR},{price},{price},{price},{price},1\n" for hour in range(count)]
    path.write_text(HEADER + "".join(rows))
    age(path, 100 + int(price))
    return path


def age(path: Path, seconds: int) -> None:
    moment = path.stat().st_mtime - seconds
    os.utime(path, (moment, moment))


def cache_file(cache: Path) -> Path:
    return next(cache.rglob("*.columns"))


def closes(store: Store) -> list[float]:
    return store.load("BTCUSDT", "1h", "spot", *JANUARY).bars.close[::24].tolist()


def _flipped(content: bytes, bit: int, step: int) -> bytes:
    """One bit in each of many bytes: sums of 64-bit words may well stay as they are."""
    changed = bytearray(content)
    for position in range(32 + bit // 8, len(changed), step):
        changed[position] ^= 1 << bit % 8
    return bytes(changed)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for day in (1, 2, 3):
        write_day(tmp_path / "data", day, price=float(day))
    return tmp_path / "data"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_rows_parsed_before_come_out_of_the_cache(data: Path, cache: Path) -> None:
    assert closes(Store(data, cache)) == [1, 2, 3]
    later = Store(data, cache)

    assert closes(later) == [1, 2, 3]
    assert later.stats()["parsed_files"] == 0


def test_only_a_changed_file_is_parsed_again(data: Path, cache: Path) -> None:
    store = Store(data, cache)
    closes(store)

    write_day(data, 2, price=7.0)

    assert closes(store) == [1, 7, 3]
    assert store.stats()["parsed_files"] == 4


def test_an_edit_that_keeps_the_size_is_noticed_at_once(data: Path, cache: Path) -> None:
    store = Store(data, cache)
    for price in (4.0, 5.0, 6.0):
        path = write_day(data, 2, price=price)
        os.utime(path)  # As young as an editor leaves it.

        assert closes(store) == [1, price, 3]


def test_an_added_file_and_a_removed_one_are_noticed(data: Path, cache: Path) -> None:
    store = Store(data, cache)
    closes(store)

    removed = write_day(data, 1)
    removed.unlink()
    write_day(data, 5, price=5.0)
    assert closes(store) == [2, 3, 5]
    write_day(data, 4, price=4.0)

    assert closes(store) == [2, 3, 4, 5]


def test_a_range_of_one_stretch_is_a_view_of_the_mapped_file(data: Path, cache: Path) -> None:
    closes(Store(data, cache))

    bars = Store(data, cache).load("BTCUSDT", "1h", "spot", date(2024, 1, 2), JANUARY[1]).bars

    assert bars.close[0] == 2.0
    assert not bars.close.flags.owndata
    assert not bars.close.flags.writeable


@pytest.mark.parametrize(
    "harm",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content + b"\0",
        lambda content: b"X" + content[1:],
        lambda content: content[:40] + b"\xff" * 8 + content[48:],
        lambda content: _flipped(content, 63, 8),
        lambda content: _flipped(content, 7, 61),
        lambda content: content[:4200] + b"\xff" + content[4201:],
        lambda content: content[:-4096] + b"\x01" * 64 + content[-4032:],
    ],
)
def test_a_broken_cache_is_rebuilt(data: Path, cache: Path, harm) -> None:  # type: ignore[no-untyped-def]
    expected = Store(data, cache).load("BTCUSDT", "1h", "spot", *JANUARY).bars
    path = cache_file(cache)
    content = path.read_bytes()
    path.unlink()  # What is mapped above stays as it is.
    path.write_bytes(harm(content))
    store = Store(data, cache)

    bars = store.load("BTCUSDT", "1h", "spot", *JANUARY).bars

    assert bars.key == expected.key
    assert store.stats()["rebuilt"] == 1
    for name in ("timestamp", "open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(bars, name), getattr(expected, name))


@pytest.mark.parametrize("harm", [lambda content: b"", lambda content: b"\1" * len(content)])
def test_a_cache_that_is_overwritten_under_a_running_service_is_rebuilt(
    data: Path,
    cache: Path,
    harm,  # type: ignore[no-untyped-def]
) -> None:
    store = Store(data, cache)
    assert closes(store) == [1, 2, 3]
    path = cache_file(cache)
    age(path, 10)
    assert closes(store) == [1, 2, 3]

    path.write_bytes(harm(path.read_bytes()))

    assert closes(store) == [1, 2, 3]
    assert closes(Store(data, cache)) == [1, 2, 3]


def test_a_deleted_cache_is_rebuilt_while_old_bars_stay_readable(data: Path, cache: Path) -> None:
    closes(Store(data, cache))
    store = Store(data, cache)
    before = store.load("BTCUSDT", "1h", "spot", *JANUARY).bars
    cache_file(cache).unlink()

    assert closes(Store(data, cache)) == [1, 2, 3]
    assert before.close[::24].tolist() == [1, 2, 3]


def test_without_a_place_to_write_bars_are_served_all_the_same(data: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the cache should be")

    assert closes(Store(data, blocked)) == [1, 2, 3]


def test_results_are_held_within_the_bytes_that_are_set(data: Path, cache: Path) -> None:
    one_day = 24 * 48 + 4096
    store = Store(data, cache, max_bytes=2 * one_day)
    for day in (1, 2, 3, 3, 2, 1):
        store.load("BTCUSDT", "1h", "spot", date(2024, 1, day), date(2024, 1, day))

    stats = store.stats()
    assert stats["entries"] == 2
    assert stats["bytes"] == 2 * one_day <= stats["max_bytes"]
    # Day 1 had to go for day 3 and day 3 for day 1; the other two were still there.
    assert (stats["hits"], stats["misses"], stats["evictions"]) == (2, 4, 2)


def test_bars_larger_than_the_cache_are_served_and_not_held(data: Path, cache: Path) -> None:
    store = Store(data, cache, max_bytes=100)

    assert closes(store) == [1, 2, 3]
    assert store.stats()["entries"] == 0


def test_one_users_changes_to_a_quality_reach_nobody_else(data: Path, cache: Path) -> None:
    store = Store(data, cache)
    first = store.load("BTCUSDT", "1h", "spot", *JANUARY)
    first.quality["warnings"].append("mine")

    assert "mine" not in store.load("BTCUSDT", "1h", "spot", *JANUARY).quality["warnings"]


def test_threads_that_ask_at_once_get_the_same_bars(data: Path, cache: Path) -> None:
    store = Store(data, cache)
    answers: list[list[float]] = []
    threads = [threading.Thread(target=lambda: answers.append(closes(store))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [[1, 2, 3]] * 8
    assert store.stats()["parsed_files"] == 3


def test_processes_that_build_at_once_do_no_harm(data: Path, cache: Path) -> None:
    script = (
        "import sys; from datetime import date; from engine.history.store import Store\n"
        "sys.stdin.readline()\n"
        "for day in range(1, 4):\n"
        "    bars = Store(sys.argv[1], sys.argv[2]).load('BTCUSDT', '1h', 'spot',\n"
        "        date(2024, 1, 1), date(2024, 1, day)).bars\n"
        "print(bars.key)\n"
    )
    root = Path(__file__).resolve().parents[3]
    builders = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(data), str(cache)],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for builder in builders:
        assert builder.stdin is not None
        builder.stdin.write("go\n")
        builder.stdin.flush()
    keys = {builder.communicate(timeout=60)[0].strip() for builder in builders}

    assert keys == {Store(data, cache).load("BTCUSDT", "1h", "spot", *JANUARY).bars.key}
    assert not list(cache.rglob(".*"))


def test_a_series_survives_its_file(tmp_path: Path) -> None:
    rows = Columns(*(np.arange(5, dtype=t) + i for i, t in enumerate([np.int64] + [float] * 5)))
    days = np.zeros(3, DAY_DTYPE)
    days["day"], days["rows"] = [10, 11, 14], [2, 0, 3]
    days["start"] = [0, 2, 2]
    days["checksum"] = day_checksums(rows, days)

    write_series(tmp_path / "x.columns", days, [rows.take(0, 2), rows.take(2, 5)])
    series = read_series(tmp_path / "x.columns")

    assert series is not None
    np.testing.assert_array_equal(series.days, days)
    for found, expected in zip(series.columns, rows, strict=True):
        np.testing.assert_array_equal(found, expected)
    positions = series.positions(np.array([9, 10, 11, 12, 14, 99]))
    assert positions.tolist() == [-1, 0, 1, -1, 2, -1]
    assert [len(piece.timestamp) for piece in series.rows(np.array([0, 2]))] == [2, 3]


def test_a_days_checksum_moves_with_any_value_and_with_swapped_columns() -> None:
    days = np.zeros(2, DAY_DTYPE)
    days["rows"], days["start"] = [2, 2], [0, 2]
    columns = [np.arange(4, dtype=np.int64), *(np.arange(4) + 0.5 * i for i in range(1, 6))]
    base = day_checksums(Columns(*columns), days)

    columns[4] = columns[4].copy()
    columns[4][3] += 1e-9
    changed = day_checksums(Columns(*columns), days)
    swapped = day_checksums(Columns(*columns[:1], columns[2], columns[1], *columns[3:]), days)

    assert changed[0] == base[0]
    assert changed[1] != base[1]
    assert swapped[0] != base[0]


def test_a_days_checksum_moves_when_two_rows_change_places() -> None:
    days = np.zeros(1, DAY_DTYPE)
    days["rows"] = 2
    close = np.array([1.0, 2.0])
    times = np.arange(2, dtype=np.int64)

    def checksum(values: np.ndarray) -> int:
        return int(day_checksums(Columns(times, *([close] * 4), values), days)[0])

    assert checksum(np.array([3.0, 4.0])) != checksum(np.array([4.0, 3.0]))
