import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.errors import DataError
from engine.history.store import Store

HEADER = "timestamp,open,high,low,close,volume\n"
DAY = 1_704_067_200_000  # 2024-01-01
HOUR = 3_600_000
Writer = Callable[..., Path]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(data: Path, tmp_path: Path) -> Store:
    return Store(data, tmp_path / "cache")


@pytest.fixture
def write(data: Path) -> Writer:
    """Write one day of a series; rows are given as text without the timestamp's day."""

    def write_day(day: str, rows: list[str], timeframe: str = "1h", mode: str = "spot") -> Path:
        folder = data / "binance" / mode / "BTCUSDT" / timeframe
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"BTCUSDT_{timeframe}_{day}.csv"
        path.write_text(HEADER + "".join(row + "\n" for row in rows))
        return path

    return write_day


def hours(day: int, count: int = 24, price: float = 100.0) -> list[str]:
    return [
        f"{DAY + day * 24 * HOUR + hour * HOUR},{price},{price + 2},{price - 1},{price + 1},10"
        for hour in range(count)
    ]


def test_a_range_is_inclusive_at_both_ends(store: Store, write: Writer) -> None:
    for day in range(4):
        write(f"2024-01-0{day + 1}", hours(day))

    bars = store.load("BTCUSDT", "1h", "spot", date(2024, 1, 2), date(2024, 1, 3)).bars

    assert bars.timestamp[0] == DAY + 24 * HOUR
    assert bars.timestamp[-1] == DAY + 3 * 24 * HOUR - HOUR
    assert len(bars) == 48


def test_a_day_without_its_own_file_is_resampled_from_the_finest_that_has_it(
    store: Store, write: Writer
) -> None:
    write("2024-01-01", hours(0))
    start = DAY + 24 * HOUR
    write("2024-01-02", [], "15m")
    minute = 60_000
    rows = [
        f"{start},5,9,4,6,1.5",
        f"{start + minute},6,7,2,3,2.5",
        f"{start + HOUR},8,8,8,8,1",
    ]
    write("2024-01-02", rows, "1m")

    loaded = store.load("BTCUSDT", "1h", "spot", date(2024, 1, 1), date(2024, 1, 2))

    bars = loaded.bars
    assert len(bars) == 26
    last_two = [
        (bars.open[i], bars.high[i], bars.low[i], bars.close[i], bars.volume[i]) for i in (24, 25)
    ]
    assert last_two == [(5, 9, 2, 3, 4), (8, 8, 8, 8, 1)]
    assert loaded.quality["days_by_source"] == {"1m": 1, "1h": 1}
    assert loaded.quality["resampled_days"] == 1
    assert loaded.quality["partial_buckets"] == 2


def test_missing_bars_are_counted_and_the_largest_gaps_listed(store: Store, write: Writer) -> None:
    rows = hours(0)
    write("2024-01-01", rows[:5] + rows[7:20])
    write("2024-01-02", hours(1))

    quality = store.load("BTCUSDT", "1h", "spot", date(2024, 1, 1), date(2024, 1, 2)).quality

    assert quality["missing_bars"] == 6
    assert quality["gap_count"] == 2
    assert quality["gaps"] == [
        {"start": DAY + 5 * HOUR, "end": DAY + 7 * HOUR, "bars": 2},
        {"start": DAY + 20 * HOUR, "end": DAY + 24 * HOUR, "bars": 4},
    ]


def test_a_range_wider_than_the_data_says_so(store: Store, write: Writer) -> None:
    write("2024-01-01", hours(0))

    loaded = store.load("BTCUSDT", "1h", "spot", date(2020, 1, 1), date(2030, 1, 1))

    assert len(loaded.bars) == 24
    assert loaded.quality["requested"] == {"start": "2020-01-01", "end": "2030-01-01"}
    assert loaded.quality["served"]["start"] == "2024-01-01"
    assert len(loaded.quality["warnings"]) == 2
    json.dumps(loaded.quality)


def test_a_range_without_a_bar_says_which_ranges_there_are(store: Store, write: Writer) -> None:
    write("2024-01-01", hours(0))
    write("2024-01-02", hours(1))
    write("2024-01-05", hours(4))

    with pytest.raises(DataError, match=r"2024-01-01 to 2024-01-02, 2024-01-05 to 2024-01-05"):
        store.load("BTCUSDT", "1h", "spot", date(2023, 1, 1), date(2023, 1, 2))


def test_a_day_without_a_bar_is_not_among_the_ranges_there_are(store: Store, write: Writer) -> None:
    write("2024-01-01", hours(0))
    write("2024-01-02", [])

    with pytest.raises(DataError, match=r"there are bars for 2024-01-01 to 2024-01-01$"):
        store.load("BTCUSDT", "1h", "spot", date(2024, 1, 2), date(2024, 1, 2))


def test_an_unknown_symbol_says_which_symbols_there_are(store: Store, write: Writer) -> None:
    write("2024-01-01", hours(0))

    with pytest.raises(DataError, match=r"no 1h bars of NOPE \(spot\) at all.*BTCUSDT"):
        store.load("NOPE", "1h", "spot", date(2024, 1, 1), date(2024, 1, 2))


def test_the_same_files_give_the_same_key_and_other_numbers_another(
    store: Store, data: Path, tmp_path: Path, write: Writer
) -> None:
    days = date(2024, 1, 1), date(2024, 1, 1)
    write("2024-01-01", hours(0))
    first = store.load("BTCUSDT", "1h", "spot", *days).bars
    again = Store(data, tmp_path / "elsewhere").load("BTCUSDT", "1h", "spot", *days).bars
    write("2024-01-01", hours(0, price=101.0))
    changed = store.load("BTCUSDT", "1h", "spot", *days).bars

    assert first.key == again.key != ""
    assert changed.key != first.key
    assert changed.open[0] == 101.0


def test_a_broken_file_is_named_from_the_data_directory_on(store: Store, write: Writer) -> None:
    rows = hours(0)
    write("2024-01-01", [*rows[:3], rows[3].replace("102.0", "9"), *rows[4:]])

    with pytest.raises(DataError) as caught:
        store.load("BTCUSDT", "1h", "spot", date(2024, 1, 1), date(2024, 1, 2))

    assert str(caught.value).startswith(
        "binance/spot/BTCUSDT/1h/BTCUSDT_1h_2024-01-01.csv line 5: high 9.0 is below open 100.0"
    )


def test_a_file_that_may_not_be_read_is_named(
    store: Store, write: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("2024-01-01", hours(0))

    def denied(*_: object) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("engine.history.day_files.read_file", denied)

    with pytest.raises(DataError, match=r"^binance/.*2024-01-01\.csv: cannot be read: Permission"):
        store.load("BTCUSDT", "1h", "spot", date(2024, 1, 1), date(2024, 1, 2))


def test_a_link_to_another_folder_is_refused(store: Store, data: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/BTCUSDT_1h_2024-01-01.csv").write_text(HEADER)
    (data / "binance/spot/BTCUSDT").mkdir(parents=True)
    (data / "binance/spot/BTCUSDT/1h").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(DataError, match=r"^binance/.*leads out of the data directory$"):
        store.load("BTCUSDT", "1h", "spot", date(2024, 1, 1), date(2024, 1, 2))


def test_the_whole_store_may_be_a_link(data: Path, tmp_path: Path, write: Writer) -> None:
    write("2024-01-01", hours(0))
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "binance").symlink_to(data / "binance")

    store = Store(linked, tmp_path / "its cache")

    assert len(store.load("BTCUSDT", "1h", "spot", date(2024, 1, 1), date(2024, 1, 1)).bars) == 24
    assert [entry.symbol for entry in store.catalogue()][:1] == ["BTCUSDT"]


def test_history_gives_the_newest_bars_ascending_even_across_holes(
    store: Store, write: Writer
) -> None:
    write("2024-01-01", hours(0))
    write("2024-01-09", hours(8, count=3))

    bars = store.history("BTCUSDT", "1h", "spot", limit=5)

    start = DAY + 8 * 24 * HOUR
    assert bars.timestamp.tolist() == [
        DAY + 22 * HOUR,
        DAY + 23 * HOUR,
        start,
        start + HOUR,
        start + 2 * HOUR,
    ]


def test_history_of_nothing_is_a_data_error(store: Store) -> None:
    with pytest.raises(DataError, match="no 1h bars of BTCUSDT"):
        store.history("BTCUSDT", "1h", "spot")


def test_the_outage_of_march_2023_is_counted_not_filled(real_data: Path, tmp_path: Path) -> None:
    store = Store(real_data, tmp_path)

    loaded = store.load("BTCUSDT", "1m", "spot", date(2023, 3, 24), date(2023, 3, 24))

    assert len(loaded.bars) == 1360
    assert loaded.quality["missing_bars"] == 80
    assert loaded.quality["zero_volume_bars"] == 72


@pytest.mark.parametrize("timeframe", ["5m", "15m", "1h", "4h", "1d"])
def test_resampled_minutes_equal_the_published_bars(
    timeframe: str, real_data: Path, tmp_path: Path
) -> None:
    published = Store(real_data, tmp_path / "a")
    minutes_only = tmp_path / "data/binance/spot/ETHUSDT"
    minutes_only.mkdir(parents=True)
    source = real_data / "binance/spot/ETHUSDT/1m"
    (minutes_only / "1m").mkdir()
    for path in source.glob("*2025-06-*.csv"):
        (minutes_only / "1m" / path.name).write_bytes(path.read_bytes())
    days = date(2025, 6, 1), date(2025, 6, 30)

    built = Store(tmp_path / "data", tmp_path / "b").load("ETHUSDT", timeframe, "spot", *days).bars
    expected = published.load("ETHUSDT", timeframe, "spot", *days).bars

    for name in ("timestamp", "open", "high", "low", "close"):
        np.testing.assert_array_equal(getattr(built, name), getattr(expected, name))
    np.testing.assert_allclose(built.volume, expected.volume, rtol=1e-12)


def test_files_of_a_range_without_a_bar_say_what_is_wrong_with_them(
    store: Store, write: Writer
) -> None:
    write("2024-01-01", hours(0))
    micro = [f"{(DAY + 24 * HOUR) * 1000 + hour * HOUR * 1000},1,1,1,1,1" for hour in range(24)]
    write("2024-01-02", micro)
    write("2024-01-03", [])
    second, third = date(2024, 1, 2), date(2024, 1, 3)

    broken = store.broken_files("BTCUSDT", "1h", "spot", second, third)

    assert str(broken).startswith(
        "binance/spot/BTCUSDT/1h/BTCUSDT_1h_2024-01-02.csv line 2: timestamp 1704153600000000 "
        "(in microseconds; in milliseconds it is 1704153600000, 2024-01-02 00:00) is outside"
    )
    assert store.broken_files("BTCUSDT", "1h", "spot", third, third) is None
    assert store.broken_files("BTCUSDT", "1h", "spot", date(2024, 1, 1), date(2024, 1, 1)) is None
    assert str(store.broken_files("BTCUSDT", "1h", "spot")) == str(broken)
    assert store.broken_files("NONEUSDT", "1h", "spot") is None
