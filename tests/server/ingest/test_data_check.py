from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.enums import Timeframe
from engine.errors import DataError
from engine.history.day_files import Columns
from server.ingest.data_check import check_data, outliers
from server.ingest.data_report import table

HEADER = "timestamp,open,high,low,close,volume\n"
START = 1_704_067_200_000  # 2024-01-01
HOUR = 3_600_000


def write(data: Path, day: int, rows: list[str], timeframe: str = "1h") -> Path:
    folder = data / "binance/spot/BTCUSDT" / timeframe
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"BTCUSDT_{timeframe}_2024-01-{day:02d}.csv"
    path.write_text(HEADER + "".join(row + "\n" for row in rows))
    return path


def hours(day: int, volume: float = 1.0, close: float = 100.0) -> list[str]:
    start = START + (day - 1) * 24 * HOUR
    return [f"{start + h * HOUR},100,120,80,{close},{volume}" for h in range(24)]


def test_sound_data_has_nothing_to_say(tmp_path: Path) -> None:
    write(tmp_path, 1, hours(1))
    write(tmp_path, 2, hours(2))

    report = check_data(tmp_path)

    (series,) = report.series
    assert (series.files, series.bars, series.missing_bars, series.broken_files) == (2, 48, 0, 0)
    assert (series.first, series.last) == (START, START + 47 * HOUR)
    assert report.broken == []


def test_gaps_copies_disorder_and_idle_stretches_are_counted(tmp_path: Path) -> None:
    rows = hours(1)
    idle = [row.removesuffix("1.0") + "0" for row in rows[10:13]]
    write(tmp_path, 1, [rows[1], rows[0], rows[0], *rows[4:10], *idle, *rows[13:]])
    write(tmp_path, 4, hours(4))

    (series,) = check_data(tmp_path).series

    assert (series.gap_count, series.missing_bars, series.missing_days) == (2, 50, 2)
    assert (series.duplicates, series.unsorted) == (1, 1)
    assert series.zero_volume_stretches == [{"start": START + 10 * HOUR, "bars": 3}]


def test_every_bad_row_of_every_broken_file_is_listed_and_the_rest_is_judged(
    tmp_path: Path,
) -> None:
    bad = write(tmp_path, 1, [hours(1)[0], "x,1,1,1,1,1", f"{START + HOUR},1,0.5,1,1,-1"])
    empty = write(tmp_path, 2, [])
    empty.write_text("")
    write(tmp_path, 3, hours(3))

    report = check_data(tmp_path)

    assert [(entry["file"], entry["line"]) for entry in report.broken] == [
        (str(bad), 3),
        (str(bad), 4),
        (str(bad), 4),
        (str(bad), 4),
        (str(empty), 1),
    ]
    assert report.broken_files == 2
    assert (report.series[0].bars, report.series[0].broken_files) == (24, 2)
    assert "BROKEN" in table(report)


def test_a_timeframe_that_contradicts_its_finer_one_is_told(tmp_path: Path) -> None:
    write(tmp_path, 1, hours(1))
    rows = [f"{START + q * 900_000},100,120,80,100,0.25" for q in range(96)]
    rows[7] = rows[7].replace("120", "125")
    rows[9] = rows[9].replace("0.25", "0.5")
    write(tmp_path, 1, rows[:40] + rows[41:], timeframe="15m")

    hourly = next(s for s in check_data(tmp_path).series if s.timeframe == "1h")

    # The hour whose quarters are not complete is not compared.
    assert hourly.compared_bars == 23
    assert hourly.disagreements == [
        {"timestamp": START + HOUR, "finer": "15m", "columns": ["high"]},
        {"timestamp": START + 2 * HOUR, "finer": "15m", "columns": ["volume"]},
    ]


def test_a_return_beyond_twenty_robust_deviations_is_an_outlier() -> None:
    moves = np.tile([0.01, 0.0, -0.01], 34)
    moves[60] = 0.5
    close = 100 * np.cumprod(1 + moves)
    times = START + np.arange(102) * HOUR

    found = outliers(Columns(times, close, close, close, close, close), Timeframe.H1)

    # The median absolute deviation is 0.01, a robust deviation 0.014826: 0.5 is 33.7 of them.
    assert [o["timestamp"] for o in found] == [START + 60 * HOUR]
    assert found[0]["return_pct"] == 50.0
    assert found[0]["deviations"] == 33.7


def test_a_move_across_a_gap_is_no_outlier() -> None:
    close = np.r_[np.tile([100.0, 101.0], 20), np.tile([200.0, 202.0], 20)]
    times = START + np.r_[np.arange(40), np.arange(60, 100)] * HOUR

    assert outliers(Columns(times, close, close, close, close, close), Timeframe.H1) == []


def test_a_jump_over_a_gap_and_a_broken_wick_are_listed_with_their_place(tmp_path: Path) -> None:
    low = hours(1)
    low[5] = low[5].replace(",80,", ",0.01,")
    write(tmp_path, 1, low)
    write(tmp_path, 4, [row.replace("100,120,80,100", "9,9,9,9") for row in hours(4, close=100)])

    report = check_data(tmp_path)

    assert report.series[0].outlier_count == 2
    told = table(report)
    assert "1h: 2024-01-01 05:00 has a low 99.99 % below the closes on either side, " in told
    assert "1h: 2024-01-04 00:00 moved -91 % over a gap of 48 bars, " in told
    assert report.broken == []


def test_where_most_returns_are_equal_the_mean_deviation_judges() -> None:
    moves = np.zeros(200)
    moves[100] = 0.5
    close = 100 * np.cumprod(1 + moves)

    found = outliers(Columns(START + np.arange(200) * HOUR, *[close] * 5), Timeframe.H1)

    # 0.5 / (0.5 / 199).
    assert [o["deviations"] for o in found] == [199.0]


def test_prices_that_never_move_have_no_outlier() -> None:
    flat = np.ones(50)

    assert outliers(Columns(START + np.arange(50) * HOUR, *[flat] * 5), Timeframe.H1) == []


def test_one_file_can_be_checked_alone(tmp_path: Path) -> None:
    path = write(tmp_path, 1, hours(1))
    write(tmp_path, 2, ["bad"])

    report = check_data(path)

    assert [series.bars for series in report.series] == [24]
    assert report.broken == []


def test_files_that_the_store_would_never_read_are_named(tmp_path: Path) -> None:
    write(tmp_path, 1, hours(1))
    misplaced = tmp_path / "binance/spot/BTCUSDT/4h/BTCUSDT_1h_2024-01-01.csv"
    misplaced.parent.mkdir()
    misplaced.write_text(HEADER)
    odd = tmp_path / "binance/spot/BTCUSDT/1h/BTCUSDT_1h_2024-13-01.csv"
    odd.write_text(HEADER)

    report = check_data(tmp_path)

    assert sorted(report.stray_files) == sorted([str(misplaced), str(odd)])


def test_a_file_full_of_bad_rows_does_not_fill_the_screen(tmp_path: Path) -> None:
    bad = write(tmp_path, 1, [f"{START + h * HOUR},x,1,1,1,1" for h in range(24)])

    report = check_data(tmp_path)

    assert len(report.broken) == 24
    told = [line for line in table(report).splitlines() if line.startswith("BROKEN")]
    assert len(told) == 21
    assert told[-1] == f"BROKEN {bad}: 4 more like these"


def test_synthetic_series_are_called_so(tmp_path: Path) -> None:
    folder = tmp_path / "binance/spot/DEMOBTCUSDT/1h"
    folder.mkdir(parents=True)
    (folder / "DEMOBTCUSDT_1h_2024-01-01.csv").write_text(HEADER + "\n".join(hours(1)) + "\n")
    write(tmp_path, 1, hours(1))

    report = check_data(tmp_path)

    assert [series.synthetic for series in report.series] == [False, True]
    assert table(report).count("(synthetic)") == 1


def test_a_store_that_is_a_link_as_a_whole_is_judged(tmp_path: Path) -> None:
    write(tmp_path / "data", 1, hours(1))
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "binance").symlink_to(tmp_path / "data/binance")

    report = check_data(linked)

    assert (report.broken_files, [series.bars for series in report.series]) == (0, [24])


def test_a_link_out_of_the_folder_and_a_huge_file_are_broken(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (tmp_path / "outside.csv").write_text(HEADER)
    write(data, 1, hours(1))
    write(data, 2, []).unlink()
    (data / "binance/spot/BTCUSDT/1h/BTCUSDT_1h_2024-01-02.csv").symlink_to(
        tmp_path / "outside.csv"
    )
    with write(data, 3, []).open("wb") as file:
        file.truncate(9 * 1024 * 1024)

    report = check_data(data)

    assert report.broken_files == 2
    reasons = " ".join(entry["reason"] for entry in report.broken)
    assert "leads out of the data directory" in reasons
    assert "may have at most" in reasons


def test_funding_is_judged_too(tmp_path: Path) -> None:
    folder = tmp_path / "binance/futures/BTCUSDT/funding"
    folder.mkdir(parents=True)
    (folder / "BTCUSDT_funding_2024-01.csv").write_text(
        f"timestamp,funding_rate\n{START},0.0001\n{START + 8 * HOUR},0.0001\n"
    )
    (folder / "BTCUSDT_funding_2024-02.csv").write_text("timestamp,funding_rate\n1,x\n")

    report = check_data(tmp_path)

    (funding,) = report.funding
    assert (funding["settlements"], funding["hours_between"]) == (2, {8: 1})
    assert [entry["line"] for entry in report.broken] == [2]


def test_a_settlement_that_stands_twice_is_counted_and_one_with_two_rates_is_broken(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "binance/futures/BTCUSDT/funding"
    folder.mkdir(parents=True)
    path = folder / "BTCUSDT_funding_2024-01.csv"
    rows = [f"{START},0.0001", f"{START + 3},0.0001", f"{START + 8 * HOUR},0.0002"]
    path.write_text("timestamp,funding_rate\n" + "\n".join(rows) + "\n")

    sound = check_data(tmp_path)
    path.write_text(path.read_text() + f"{START + 8 * HOUR + 1},0.0003\n")
    broken = check_data(tmp_path)

    assert (sound.funding[0]["settlements"], sound.funding[0]["duplicates"]) == (2, 1)
    assert "2 settlements in 1 files, 2024-01-01 00:00 to 2024-01-01 08:00, 1 repeated row" in (
        table(sound)
    )
    assert [entry["line"] for entry in broken.broken] == [5]
    assert broken.broken[0]["reason"].endswith(
        "0.0002 instead of 0.0003 1 ms away, stands in line 4"
    )


def test_a_folder_without_data_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no market data"):
        check_data(tmp_path)
    with pytest.raises(DataError, match="holds no market data"):
        check_data(tmp_path / "missing")


def test_the_real_files_disagree_only_where_the_exchange_revised_them(real_data: Path) -> None:
    report = check_data(real_data / "binance")

    assert report.broken == []
    wrong = [
        (series.symbol, series.timeframe, entry["timestamp"], entry["columns"])
        for series in report.series
        for entry in series.disagreements
    ]
    assert wrong == [
        ("BTCUSDT", "1d", 1_711_497_600_000, ["volume"]),  # 2024-03-27
        ("BTCUSDT", "1d", 1_711_584_000_000, ["volume"]),  # 2024-03-28
    ]
    outage = next(
        s
        for s in report.series
        if s.symbol == "BTCUSDT" and s.timeframe == "1m" and "spot" in s.directory
    )
    assert outage.zero_volume_stretches[0]["bars"] == 72
