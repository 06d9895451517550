from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.bars import Bars
from engine.enums import Timeframe
from engine.errors import DataError
from engine.history.data_quality import data_warnings
from engine.history.funding_files import months
from engine.history.store import Store

JANUARY = 1_704_067_200_000
HOUR = 3_600_000
DAY = 24 * HOUR


def write_month(data: Path, month: str, rows: list[str]) -> Path:
    folder = data / "binance/futures/BTCUSDT/funding"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"BTCUSDT_funding_{month}.csv"
    path.write_text("timestamp,funding_rate\n" + "".join(row + "\n" for row in rows))
    return path


def hour_bars(start: int, count: int) -> Bars:
    flat = np.ones(count)
    return Bars(
        "BTCUSDT", Timeframe.H1, start + np.arange(count) * HOUR, flat, flat, flat, flat, flat
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path, tmp_path / "cache")


def test_rates_of_every_month_of_the_range_are_read_in_order(store: Store, tmp_path: Path) -> None:
    write_month(tmp_path, "2024-01", [f"{JANUARY + 8 * HOUR},0.0002", f"{JANUARY + 4},-0.0001"])
    write_month(tmp_path, "2024-02", [f"{JANUARY + 31 * DAY},0.0003"])

    funding, quality = store.funding(
        "BTCUSDT", date(2024, 1, 31), date(2024, 2, 1), hour_bars(JANUARY, 3)
    )

    assert funding.timestamp.tolist() == [JANUARY + 4, JANUARY + 8 * HOUR, JANUARY + 31 * DAY]
    assert funding.rate.tolist() == [-0.0001, 0.0002, 0.0003]
    assert quality["funding_sorted_rows"] == 1


def test_a_missing_month_is_named(store: Store, tmp_path: Path) -> None:
    write_month(tmp_path, "2024-01", [f"{JANUARY},0.0001"])
    write_month(tmp_path, "2024-03", [f"{JANUARY + 60 * DAY},0.0001"])

    with pytest.raises(DataError, match=r"funding rates of BTCUSDT for 2024-02 are missing"):
        store.funding("BTCUSDT", date(2024, 1, 1), date(2024, 3, 1), hour_bars(JANUARY, 3))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"{JANUARY},abc", "line 3: funding_rate is not a number: 'abc'"),
        (f"{JANUARY},nan", "line 3: funding_rate must be a finite number"),
        (f"{JANUARY}", "line 3: has 1 of the 2 columns"),
        ("x,0.1", "line 3: timestamp must be a whole number"),
        (f"{JANUARY - 1},0.1", "line 3: timestamp .* is outside 2024-01"),
        (f"{JANUARY + 31 * DAY},0.1", "line 3: timestamp .* is outside 2024-01"),
        (f"{JANUARY + 8 * HOUR},0.5", "line 3: a different rate for the timestamp"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(
    store: Store, tmp_path: Path, row: str, reason: str
) -> None:
    write_month(tmp_path, "2024-01", [f"{JANUARY + 8 * HOUR},0.0001", row])

    with pytest.raises(DataError, match=rf"BTCUSDT_funding_2024-01\.csv {reason}"):
        store.funding("BTCUSDT", date(2024, 1, 1), date(2024, 1, 2), hour_bars(JANUARY, 3))


@pytest.mark.parametrize("content", ["", "time,rate\n1,2\n"])
def test_a_wrong_header_is_named(store: Store, tmp_path: Path, content: str) -> None:
    write_month(tmp_path, "2024-01", []).write_text(content)

    with pytest.raises(DataError, match="line 1: the header must be 'timestamp,funding_rate'"):
        store.funding("BTCUSDT", date(2024, 1, 1), date(2024, 1, 2), hour_bars(JANUARY, 3))


def test_exact_copies_are_dropped_and_counted(store: Store, tmp_path: Path) -> None:
    write_month(tmp_path, "2024-01", [f"{JANUARY},0.0001", f"{JANUARY},0.0001"])

    funding, quality = store.funding(
        "BTCUSDT", date(2024, 1, 1), date(2024, 1, 2), hour_bars(JANUARY, 3)
    )

    assert len(funding.timestamp) == 1
    assert quality["funding_duplicate_rows"] == 1


def test_settlements_less_than_a_minute_apart_are_one(store: Store, tmp_path: Path) -> None:
    late = JANUARY + 8 * HOUR
    rows = [f"{JANUARY + 3},0.001", f"{JANUARY},0.001", f"{late},0.001", f"{late + 59_999},0.001"]
    write_month(tmp_path, "2024-01", [*rows, f"{late + 120_000},0.001"])

    funding, quality = store.funding(
        "BTCUSDT", date(2024, 1, 1), date(2024, 1, 2), hour_bars(JANUARY, 3)
    )

    assert funding.timestamp.tolist() == [JANUARY, late, late + 120_000]
    assert quality["funding_duplicate_rows"] == 2
    (warning,) = data_warnings(quality, Timeframe.H1)
    assert (warning.kind, warning.count) == ("repeated_settlements", 2)
    assert warning.text.startswith("2 rows repeat a settlement of funding less than a minute apart")


def test_two_rates_less_than_a_minute_apart_are_an_error(store: Store, tmp_path: Path) -> None:
    write_month(tmp_path, "2024-01", [f"{JANUARY + 59_999},0.002", f"{JANUARY},0.001"])

    said = (
        r"2024-01\.csv line 3: a different rate .* 0\.002 instead of 0\.001 59,999 ms away, stands "
    )
    with pytest.raises(DataError, match=said + "in line 2"):
        store.funding("BTCUSDT", date(2024, 1, 1), date(2024, 1, 2), hour_bars(JANUARY, 3))


@pytest.mark.parametrize(("rate", "count"), [("0.001", 1), ("0.002", 0)])
def test_a_settlement_at_midnight_in_two_months_files_is_one(
    store: Store, tmp_path: Path, rate: str, count: int
) -> None:
    midnight = JANUARY + 31 * DAY
    write_month(tmp_path, "2024-01", [f"{midnight - 1},0.001"])
    path = write_month(tmp_path, "2024-02", [f"{midnight},{rate}"])
    days = date(2024, 1, 31), date(2024, 2, 1)

    if count:
        funding, _ = store.funding("BTCUSDT", *days, hour_bars(JANUARY, 3))
        assert funding.timestamp.tolist() == [midnight - 1]
    else:
        with pytest.raises(DataError, match=rf"{path.name} line 2: .*_2024-01\.csv line 2"):
            store.funding("BTCUSDT", *days, hour_bars(JANUARY, 3))


def test_empty_lines_above_the_header_and_between_rows_are_no_rows(
    store: Store, tmp_path: Path
) -> None:
    path = write_month(tmp_path, "2024-01", [f"{JANUARY},0.0001", "", f"{JANUARY + DAY},x"])
    path.write_text("\n \n" + path.read_text())

    with pytest.raises(DataError, match="line 6: funding_rate is not a number"):
        store.funding("BTCUSDT", date(2024, 1, 1), date(2024, 1, 2), hour_bars(JANUARY, 3))


def test_a_stretch_without_a_settlement_is_listed_while_bars_exist(
    store: Store, tmp_path: Path
) -> None:
    settled = [0, 8, 24, 32, 40]
    write_month(tmp_path, "2024-01", [f"{JANUARY + h * HOUR},0.0001" for h in settled])

    _, quality = store.funding(
        "BTCUSDT", date(2024, 1, 1), date(2024, 1, 2), hour_bars(JANUARY, 48)
    )

    gap = {"start": JANUARY + 8 * HOUR, "end": JANUARY + 24 * HOUR, "hours": 16.0}
    assert quality["funding_gaps"] == [gap]
    (warning,) = data_warnings(quality, Timeframe.H1)
    assert (warning.kind, warning.count) == ("funding_gaps", 1)
    assert warning.timestamp == JANUARY + 8 * HOUR
    assert "the longest is 16 h from 2024-01-01 08:00 UTC" in warning.text


def test_a_settlement_that_comes_some_seconds_late_leaves_no_gap(
    store: Store, tmp_path: Path
) -> None:
    late = [h * HOUR + 240_000 * (h == 16) for h in range(0, 48, 8)]
    write_month(tmp_path, "2024-01", [f"{JANUARY + t},0.0001" for t in late])

    _, quality = store.funding(
        "BTCUSDT", date(2024, 1, 1), date(2024, 1, 2), hour_bars(JANUARY, 48)
    )

    assert quality["funding_gaps"] == []


def test_a_stretch_without_bars_needs_no_settlement(store: Store, tmp_path: Path) -> None:
    write_month(tmp_path, "2024-01", [f"{JANUARY},0.0001", f"{JANUARY + 2 * DAY},0.0001"])
    early, late = hour_bars(JANUARY, 1), hour_bars(JANUARY + 2 * DAY, 4)
    columns = {
        name: np.concatenate((getattr(early, name), getattr(late, name)))
        for name in ("timestamp", "open", "high", "low", "close", "volume")
    }
    bars = Bars("BTCUSDT", Timeframe.H1, **columns)

    _, quality = store.funding("BTCUSDT", date(2024, 1, 1), date(2024, 1, 3), bars)

    # One bar lies in it, the one whose open the first settlement shares.
    assert [gap["hours"] for gap in quality["funding_gaps"]] == [48.0]


def test_bars_before_the_first_settlement_and_after_the_last_are_a_gap(
    store: Store, tmp_path: Path
) -> None:
    write_month(tmp_path, "2024-01", [f"{JANUARY + 24 * HOUR},0.0001"])

    _, quality = store.funding(
        "BTCUSDT", date(2024, 1, 1), date(2024, 1, 2), hour_bars(JANUARY, 48)
    )

    assert [gap["hours"] for gap in quality["funding_gaps"]] == [24.0, 24.0]


def test_a_range_touches_every_month_between_its_ends() -> None:
    assert list(months(date(2023, 11, 30), date(2024, 2, 1))) == [
        (2023, 11),
        (2023, 12),
        (2024, 1),
        (2024, 2),
    ]


def test_real_funding_is_complete_inside_its_range(real_data: Path, tmp_path: Path) -> None:
    store = Store(real_data, tmp_path)
    days = date(2025, 5, 5), date(2025, 6, 2)
    bars = store.load("BTCUSDT", "1m", "futures", *days).bars

    funding, quality = store.funding("BTCUSDT", *days, bars)

    assert quality["funding_gaps"] == []
    inside = (funding.timestamp >= bars.timestamp[0]) & (funding.timestamp <= bars.timestamp[-1])
    assert inside.sum() == 29 * 3
