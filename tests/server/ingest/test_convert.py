from __future__ import annotations

import gzip
import json
import random
from datetime import date
from pathlib import Path

import pytest

from engine.enums import Timeframe, TradingMode
from engine.errors import DataError, ValidationError
from engine.history.store import Store
from server.ingest.convert import Request, convert
from tests.server.archive_server import zipped

MINUTE = 60_000
START = 1_704_067_200_000  # 2024-01-01


def kline(index: int, step: int = 3_600_000, unit: int = 1, price: str = "100.0") -> str:
    opened = (START + index * step) * unit
    return f"{opened},{price},102.0,99.0,101.0,{index}.25,{opened + step * unit - 1},0,1,0,0,0"


def trade(number: int, offset_ms: int, price: str, qty: str) -> str:
    return f"{number},{price},{qty},0,{START + offset_ms},True,True"


def write(folder: Path, name: str, lines: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("".join(line + "\n" for line in lines))
    return path


def rows_of(data: Path, name: str) -> list[str]:
    return next(data.rglob(name)).read_text().splitlines()[1:]


def test_published_trades_rebuild_the_published_minutes(real_data: Path, tmp_path: Path) -> None:
    trades = real_data / "originals/relayout/BTCUSDT-trades-2024-08-08.partial.csv"

    convert([trades], Request(tmp_path))

    built = rows_of(tmp_path, "BTCUSDT_1m_2024-08-08.csv")
    published = real_data / "binance/spot/BTCUSDT/1m/BTCUSDT_1m_2024-08-08.csv"
    # The capture starts in the middle of the minute 23:54.
    assert built[-5:] == published.read_text().splitlines()[-5:]


def test_captured_trades_of_two_days_rebuild_every_published_minute(
    real_data: Path, tmp_path: Path
) -> None:
    packed = real_data / "originals/ccxt_trades/XRP_ETH-trades.json.gz"
    trades = json.loads(gzip.decompress(packed.read_bytes()))
    lines = [f"{t[1]},{t[4]!r},{t[5]!r},{t[6]!r},{t[0]},True,True" for t in trades]
    path = write(tmp_path / "in", "XRPETH-trades-2019-10.csv", lines)

    convert([path], Request(tmp_path / "data"))

    for day in ("2019-10-11", "2019-10-12"):
        name = f"binance/spot/XRPETH/1m/XRPETH_1m_{day}.csv"
        assert (tmp_path / "data" / name).read_text() == (real_data / name).read_text()


def test_a_coarser_timeframe_of_trades_equals_the_published_one(
    real_data: Path, tmp_path: Path
) -> None:
    packed = real_data / "originals/ccxt_trades/XRP_ETH-trades.json.gz"
    trades = json.loads(gzip.decompress(packed.read_bytes()))
    lines = [f"{t[1]},{t[4]!r},{t[5]!r},{t[6]!r},{t[0]},True,True" for t in trades]
    path = write(tmp_path / "in", "XRPETH-trades-2019-10.csv", lines)

    convert([path], Request(tmp_path / "data", timeframes=(Timeframe.M5,)))

    for day in ("2019-10-11", "2019-10-12"):
        name = f"binance/spot/XRPETH/5m/XRPETH_5m_{day}.csv"
        assert (tmp_path / "data" / name).read_text() == (real_data / name).read_text()


@pytest.mark.parametrize("timeframe", ["1m", "15m"])
def test_published_zips_become_the_same_files(
    timeframe: str, real_data: Path, tmp_path: Path
) -> None:
    originals = real_data / "originals/data/spot/daily/klines/BTCUSDT" / timeframe

    report = convert(sorted(originals.glob("*.zip")), Request(tmp_path))

    assert report.written == 5
    for path in tmp_path.rglob("*.csv"):
        published = real_data / path.relative_to(tmp_path)
        assert path.read_bytes() == published.read_bytes()


def test_milliseconds_and_microseconds_give_the_same_bars(real_data: Path, tmp_path: Path) -> None:
    months = real_data / "originals/data/spot/monthly/klines/BTCUSDT/1h"

    convert(sorted(months.glob("*.csv")), Request(tmp_path / "data"))

    bars = Store(tmp_path / "data", tmp_path / "cache").load(
        "BTCUSDT", "1h", "spot", date(2024, 12, 1), date(2025, 2, 28)
    )
    assert bars.quality["bars"] == (31 + 31 + 28) * 24
    assert bars.quality["missing_bars"] == 0


def test_a_futures_file_with_a_header_becomes_days(real_data: Path, tmp_path: Path) -> None:
    source = real_data / "originals/data/futures/um/monthly/klines/FILUSDT/1m"
    request = Request(tmp_path, TradingMode.FUTURES, timeframes=(Timeframe.M1, Timeframe.H4))

    report = convert([source / "FILUSDT-1m-2025-02.csv"], request)

    assert report.rows == 40_320
    assert report.written == 56
    first = rows_of(tmp_path, "FILUSDT_1m_2025-02-01.csv")[0]
    assert first == "1738368000000,4.811,4.824,4.808,4.809,60965.1"


def test_a_minute_opens_with_the_lowest_id_and_closes_with_the_highest(tmp_path: Path) -> None:
    lines = [
        trade(7, 30_000, "105", "1"),
        trade(5, 30_000, "101", "0.5"),
        trade(9, 10_000, "103", "0.25"),
        trade(6, 59_999, "99", "2"),
        trade(8, 1, "107", "0.125"),
    ]
    path = write(tmp_path / "in", "BTCUSDT-trades-2024-01-01.csv", lines)

    convert([path], Request(tmp_path / "data"))

    assert rows_of(tmp_path / "data", "BTCUSDT_1m_2024-01-01.csv") == [
        f"{START},101,107,99,103,3.875"
    ]


def test_a_trade_belongs_to_the_minute_of_its_time(tmp_path: Path) -> None:
    lines = [
        trade(1, MINUTE - 1, "1", "1"),
        trade(2, MINUTE, "2", "1"),
        trade(3, 86_400_000, "3", "1"),
    ]
    path = write(tmp_path / "in", "BTCUSDT-trades-2024-01.csv", lines)

    convert([path], Request(tmp_path / "data"))

    assert rows_of(tmp_path / "data", "BTCUSDT_1m_2024-01-01.csv") == [
        f"{START},1,1,1,1,1",
        f"{START + MINUTE},2,2,2,2,1",
    ]
    assert rows_of(tmp_path / "data", "BTCUSDT_1m_2024-01-02.csv") == [
        f"{START + 86_400_000},3,3,3,3,1"
    ]


def test_volume_is_the_decimal_sum_of_quantities(tmp_path: Path) -> None:
    # 0.1 + 0.2 + ... in floats would end in dust.
    lines = [trade(number, number, "1", "0.1") for number in range(1, 11)]
    lines.append(trade(11, 11, "1", "123456789012.00000001"))
    path = write(tmp_path / "in", "BTCUSDT-trades-2024-01-01.csv", lines[:10])

    convert([path], Request(tmp_path / "data"))

    assert rows_of(tmp_path / "data", "BTCUSDT_1m_2024-01-01.csv") == [f"{START},1,1,1,1,1"]


def test_agg_trades_carry_their_time_elsewhere(tmp_path: Path) -> None:
    lines = [
        f"1,100.5,2,10,12,{(START + 5) * 1000},True,True",
        f"2,101.5,3,13,13,{(START + 9) * 1000},False,True",
    ]
    path = write(tmp_path / "in", "anything.csv", lines)

    convert([path], Request(tmp_path / "data", symbol="ETHUSDT"))

    assert rows_of(tmp_path / "data", "ETHUSDT_1m_2024-01-01.csv") == [
        f"{START},100.5,101.5,100.5,101.5,5"
    ]


def test_futures_agg_trades_name_their_columns(tmp_path: Path) -> None:
    lines = [
        "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
        f"1,100.5,2,10,12,{START + 5},true",
    ]
    path = write(tmp_path / "in", "BTCUSDT-aggTrades-2024-01-01.csv", lines)

    convert([path], Request(tmp_path / "data", TradingMode.FUTURES))

    assert rows_of(tmp_path / "data", "BTCUSDT_1m_2024-01-01.csv") == [
        f"{START},100.5,100.5,100.5,100.5,2"
    ]


def test_exact_copies_of_bars_are_dropped_and_other_bars_of_the_same_time_refused(
    tmp_path: Path,
) -> None:
    same = write(tmp_path / "in", "BTCUSDT-1h-2024-01.csv", [kline(0), kline(1), kline(0)])
    report = convert([same], Request(tmp_path / "data"))
    other = write(tmp_path / "in", "BTCUSDT-1h-2024-01.csv", [kline(0), kline(0, price="100.5")])

    assert report.duplicates == 1
    with pytest.raises(DataError, match="two different 1h bars open at 2024-01-01 00:00"):
        convert([other], Request(tmp_path / "data"))


def test_the_same_trades_given_twice_are_refused(tmp_path: Path) -> None:
    lines = [trade(number, number, "1", "1") for number in range(1, 4)]
    first = write(tmp_path / "in", "BTCUSDT-trades-2024-01-01.csv", lines)
    second = write(tmp_path / "again", "BTCUSDT-trades-2024-01-01.csv", lines)

    with pytest.raises(DataError, match="were read before"):
        convert([first, second], Request(tmp_path / "data"))


def test_bars_off_the_grid_are_left_out_and_listed(tmp_path: Path) -> None:
    odd = kline(1).replace(str(START + 3_600_000), str(START + 3_600_000 + 1_694_789), 1)
    path = write(tmp_path / "in", "BTCUSDT-1h-2024-01.csv", [kline(0), odd, kline(2)])

    report = convert([path], Request(tmp_path / "data"))

    assert report.left_out == 1
    assert "line 2: 2024-01-01 01:28:14 is off the 1h grid; left out" in report.notes[0]
    assert len(rows_of(tmp_path / "data", "BTCUSDT_1h_2024-01-01.csv")) == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (kline(1).replace("102.0", "97.0"), "line 2: high 97.0 is below open 100.0"),
        (kline(1).replace("102.0", "abc"), "line 2: high is not a number: 'abc'"),
        (kline(1).replace("102.0", "nan"), "line 2: high must be a finite number"),
        (kline(1).replace("99.0", "-9"), "line 2: low must be above 0"),
        ("1,2,3", "line 2: has 3 columns"),
        (kline(1).replace(str(START + 3_600_000), "12345", 1), "line 2: 12345 is not a time in"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_stored(tmp_path: Path, line: str, reason: str) -> None:
    path = write(tmp_path / "in", "BTCUSDT-1h-2024-01.csv", [kline(0), line, kline(2)])

    with pytest.raises(DataError) as caught:
        convert([path], Request(tmp_path / "data"))

    assert reason in str(caught.value)
    assert not list((tmp_path / "data").rglob("*.csv"))


def test_a_part_of_a_day_that_is_stored_changes_nothing_unless_it_may_replace(
    tmp_path: Path,
) -> None:
    whole = write(tmp_path / "a", "BTCUSDT-1h-2024-01-01.csv", [kline(i) for i in range(24)])
    part = write(tmp_path / "b", "BTCUSDT-1h-2024-01-01.csv", [kline(i) for i in range(3)])
    convert([whole], Request(tmp_path / "data"))

    joined = convert([part], Request(tmp_path / "data"))
    assert len(rows_of(tmp_path / "data", "BTCUSDT_1h_2024-01-01.csv")) == 24
    replaced = convert([part], Request(tmp_path / "data", overwrite=True))

    assert (joined.written, joined.unchanged, replaced.written) == (0, 1, 1)
    assert len(rows_of(tmp_path / "data", "BTCUSDT_1h_2024-01-01.csv")) == 3


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_parts_of_a_day_are_joined_whichever_comes_first(
    tmp_path: Path, order: tuple[int, int]
) -> None:
    parts = [
        write(tmp_path, "part1.csv", [kline(i) for i in range(11)]),
        write(tmp_path, "part2.csv", [kline(i) for i in range(10, 24)]),
    ]
    request = Request(tmp_path / "data", symbol="BTCUSDT", timeframes=(Timeframe.H1, Timeframe.D1))

    first = convert([parts[order[0]]], request)
    assert not list((tmp_path / "data").rglob("*_1d_*.csv"))
    second = convert([parts[order[1]]], request)

    stored = rows_of(tmp_path / "data", "BTCUSDT_1h_2024-01-01.csv")
    assert [row.split(",")[5] for row in stored] == [f"{i}.25" for i in range(24)]
    assert (first.incomplete, second.incomplete, second.joined) == (1, 0, 1)
    # The day is whole now: volumes 0 to 23 and 24 quarters.
    assert rows_of(tmp_path / "data", "BTCUSDT_1d_2024-01-01.csv") == [
        f"{START},100,102,99,101,282"
    ]


def test_a_bar_that_contradicts_a_stored_one_is_refused_with_both_places(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = write(tmp_path / "a", "BTCUSDT-1h-2024-01.csv", [kline(i) for i in range(48)])
    lines = [kline(24), "", kline(25, price="100.5"), kline(26, price="100.25"), kline(72)]
    second = write(tmp_path / "b", "BTCUSDT-1h-2024-01.csv", lines)
    convert([first], Request(data))
    stored = next(data.rglob("BTCUSDT_1h_2024-01-02.csv"))
    before = stored.read_bytes()

    with pytest.raises(DataError) as caught:
        convert([second], Request(data))

    assert str(caught.value) == (
        f"{second} line 3: two different 1h bars open at 2024-01-02 01:00: open 100.5 here, 100 in "
        f"{stored} line 3; "
        f"{second} line 4: two different 1h bars open at 2024-01-02 02:00: open 100.25 here, 100 "
        f"in {stored} line 4; what is stored is replaced on request only (--overwrite)"
    )
    assert stored.read_bytes() == before
    assert not list(data.rglob("BTCUSDT_1h_2024-01-04.csv"))
    convert([second], Request(data, overwrite=True))
    assert len(rows_of(data, "BTCUSDT_1h_2024-01-02.csv")) == 3


def test_two_archives_that_disagree_are_named_with_their_lines(tmp_path: Path) -> None:
    month = write(tmp_path, "BTCUSDT-1h-2024-01.csv", [kline(0), kline(1)])
    day = write(tmp_path, "BTCUSDT-1h-2024-01-01.csv", [kline(1, price="100.5")])

    # Neither is the authority, whatever may be overwritten.
    with pytest.raises(DataError) as caught:
        convert([month, day], Request(tmp_path / "data", overwrite=True))

    assert str(caught.value) == (
        f"{day} line 1: two different 1h bars open at 2024-01-01 01:00: open 100.5 here, 100 in "
        f"{month} line 2"
    )
    assert not list((tmp_path / "data").rglob("*.csv"))


def test_a_cut_day_makes_no_coarser_bar_and_replaces_none(tmp_path: Path) -> None:
    data = tmp_path / "data"
    daily = f"{START},100,150,90,140,5000,{START + 86_399_999},1,1,1,1,0"
    minutes = [kline(i, step=MINUTE) for i in range(7)]
    convert([write(tmp_path, "BTCUSDT-1d-2024-01-01.csv", [daily])], Request(data))
    path = write(tmp_path, "BTCUSDT-1m-2024-01-01.csv", minutes)
    timeframes = (Timeframe.M1, Timeframe.M5, Timeframe.D1)

    for overwrite in (False, True):
        report = convert([path], Request(data, timeframes=timeframes, overwrite=overwrite))

        assert report.incomplete == 2
        assert report.notes == [
            "BTCUSDT_5m_2024-01-01.csv: 1 of 2 bars lack 1m bars and were not built",
            "BTCUSDT_1d_2024-01-01.csv: 1 of 1 bars lack 1m bars and were not built",
        ]
        assert rows_of(data, "BTCUSDT_1d_2024-01-01.csv") == [f"{START},100,150,90,140,5000"]
        # Minutes 0 to 4: volumes 0 to 4 and five quarters.
        assert rows_of(data, "BTCUSDT_5m_2024-01-01.csv") == [f"{START},100,102,99,101,11.25"]


def test_coarser_bars_that_were_built_replace_their_own_times_only(tmp_path: Path) -> None:
    data = tmp_path / "data"
    hours = write(tmp_path, "BTCUSDT-1h-2024-01-01.csv", [kline(i) for i in range(24)])
    path = write(tmp_path, "BTCUSDT-1m-2024-01-01.csv", [kline(i, step=MINUTE) for i in range(60)])
    convert([hours], Request(data))

    with pytest.raises(DataError, match=r"volume 1785 here, 0\.25 in .* line 2; .*--overwrite"):
        convert([path], Request(data, timeframes=(Timeframe.H1,)))
    convert([path], Request(data, timeframes=(Timeframe.H1,), overwrite=True))

    stored = rows_of(data, "BTCUSDT_1h_2024-01-01.csv")
    # 0 + 1 + ... + 59 and sixty quarters.
    assert stored[0] == f"{START},100,102,99,101,1785"
    assert stored[1:] == [f"{START + i * 3_600_000},100,102,99,101,{i}.25" for i in range(1, 24)]


def test_trades_of_five_minutes_make_no_daily_bar(tmp_path: Path) -> None:
    lines = [trade(i, i * 10_000, "100", "1") for i in range(30)]
    path = write(tmp_path, "BTCUSDT-trades-2024-01-01.csv", lines)

    report = convert([path], Request(tmp_path / "data", timeframes=(Timeframe.M5, Timeframe.D1)))

    assert (report.written, report.incomplete) == (1, 1)
    assert rows_of(tmp_path / "data", "BTCUSDT_5m_2024-01-01.csv") == [
        f"{START},100,100,100,100,30"
    ]


def test_a_broken_stored_day_is_named_and_stays_unless_it_may_be_replaced(tmp_path: Path) -> None:
    data = tmp_path / "data"
    path = write(tmp_path, "BTCUSDT-1h-2024-01-01.csv", [kline(0)])
    convert([path], Request(data))
    stored = next(data.rglob("*.csv"))
    stored.write_text(stored.read_text().replace("102", "x"))

    with pytest.raises(DataError, match=f"{stored} line 2: high is not a number.*--overwrite"):
        convert([path], Request(data))
    convert([path], Request(data, overwrite=True))

    assert rows_of(data, "BTCUSDT_1h_2024-01-01.csv") == [f"{START},100,102,99,101,0.25"]


def test_a_stored_file_that_has_every_bar_is_not_written_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    path = write(tmp_path, "BTCUSDT-1h-2024-01-01.csv", [kline(0)])
    convert([path], Request(data))
    stored = next(data.rglob("*.csv"))
    stored.write_text(stored.read_text().replace("volume", "volume,own").replace("0.25", "0.25,7"))

    assert convert([path], Request(data)).unchanged == 1
    assert "own" in stored.read_text()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_empty_lines_anywhere_are_no_part_of_a_file(tmp_path: Path, end: str) -> None:
    path = tmp_path / "BTCUSDT-1h-2024-01-01.csv"
    lines = ["", kline(0), "  ", kline(1), "", kline(2), "", ""]
    path.write_bytes(end.join(lines).encode())

    assert convert([path], Request(tmp_path / "data")).rows == 3
    assert len(rows_of(tmp_path / "data", "BTCUSDT_1h_2024-01-01.csv")) == 3


def funding(folder: Path, rows: list[str]) -> Path:
    head = "calc_time,funding_interval_hours,last_funding_rate"
    return write(folder, "BTCUSDT-fundingRate-2024-01.csv", [head, *rows])


def test_two_rates_for_one_settlement_are_refused_with_both_lines(tmp_path: Path) -> None:
    rows = [f"{START},8,0.0001", "", f"{START + 3},8,0.0003", f"{START + 28_800_000},8,0.0002"]

    with pytest.raises(DataError) as caught:
        convert([path := funding(tmp_path, rows)], Request(tmp_path / "data", TradingMode.FUTURES))

    assert str(caught.value) == (
        f"{path} line 4: a different rate for the timestamp 1704067200003 (2024-01-01 00:00:00), "
        "0.0001 instead of 0.0003 3 ms away, stands in line 2"
    )
    assert not list((tmp_path / "data").rglob("*.csv"))


def test_copies_of_a_settlement_are_dropped_and_counted(tmp_path: Path) -> None:
    rows = [f"{START},8,0.0001", f"{START},8,0.0001", f"{START + 59_999},8,0.0001"]
    rows.append(f"{START + 2 * MINUTE},8,0.0001")

    report = convert([funding(tmp_path, rows)], Request(tmp_path / "data", TradingMode.FUTURES))

    assert (report.written, report.duplicates) == (1, 2)
    assert rows_of(tmp_path / "data", "BTCUSDT_funding_2024-01.csv") == [
        f"{START},0.0001",
        f"{START + 2 * MINUTE},0.0001",
    ]


def test_a_dry_conversion_judges_and_writes_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    path = write(tmp_path, "BTCUSDT-1h-2024-01-01.csv", [kline(0)])
    rates = funding(tmp_path, [f"{START},8,0.0001"])

    report = convert([path, rates], Request(data, TradingMode.FUTURES, dry=True))

    assert report.written == 2
    assert not data.exists()


def test_converting_again_changes_no_file(tmp_path: Path) -> None:
    path = write(tmp_path / "in", "BTCUSDT-1h-2024-01-01.csv", [kline(i) for i in range(24)])
    convert([path], Request(tmp_path / "data"))
    stored = next((tmp_path / "data").rglob("*.csv"))
    before = stored.stat().st_mtime_ns

    report = convert([path], Request(tmp_path / "data"))

    assert (report.written, report.unchanged) == (0, 1)
    assert stored.stat().st_mtime_ns == before


def test_a_symbol_that_no_name_tells_must_be_given(tmp_path: Path) -> None:
    path = write(tmp_path, "klines.csv", [kline(0), kline(1)])

    with pytest.raises(ValidationError, match="use --symbol"):
        convert([path], Request(tmp_path / "data"))


def test_a_symbol_that_contradicts_the_name_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "BTCUSDT-1h-2024-01.csv", [kline(0)])

    with pytest.raises(ValidationError, match="is named for BTCUSDT, not for ETHUSDT"):
        convert([path], Request(tmp_path / "data", symbol="ETHUSDT"))


def test_finer_bars_cannot_be_made_from_coarser_ones(tmp_path: Path) -> None:
    path = write(tmp_path, "BTCUSDT-1h-2024-01.csv", [kline(0)])

    with pytest.raises(DataError, match="1m cannot be made from bars of 1h"):
        convert([path], Request(tmp_path / "data", timeframes=(Timeframe.M1,)))


def test_a_file_much_larger_than_a_block_gives_the_same_bars(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(5)
    lines = [
        trade(n, n * 700 + chance.randrange(600), f"{chance.uniform(90, 110):.2f}", f"0.{n:04d}")
        for n in range(1, 5000)
    ]
    path = write(tmp_path / "in", "BTCUSDT-trades-2024-01-01.csv", lines)
    convert([path], Request(tmp_path / "whole"))
    shuffled = lines[:]
    chance.shuffle(shuffled)
    path = write(tmp_path / "in", "BTCUSDT-trades-2024-01-01.csv", shuffled)
    monkeypatch.setattr("server.ingest.binance_rows.BLOCK_BYTES", 1000)
    monkeypatch.setattr("server.ingest.binance_rows.read_blocks.__defaults__", (1000,))

    convert([path], Request(tmp_path / "pieces"))

    name = "BTCUSDT_1m_2024-01-01.csv"
    assert rows_of(tmp_path / "pieces", name) == rows_of(tmp_path / "whole", name)


def test_our_own_files_are_understood_too(tmp_path: Path) -> None:
    lines = ["timestamp,open,high,low,close,volume"] + [
        f"{START + i * 3_600_000},1,2,1,2,{i}" for i in range(24)
    ]
    path = write(tmp_path / "in", "BTCUSDT_1h_2024-01-01.csv", lines)

    convert([path], Request(tmp_path / "data"))

    assert rows_of(tmp_path / "data", "BTCUSDT_1h_2024-01-01.csv") == lines[1:]


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-1h-2024-01.zip"
    path.write_bytes(zipped("BTCUSDT-1h-2024-01.csv", kline(0) + "\n"))
    seen: list[tuple[int, int]] = []

    convert([path], Request(tmp_path / "data"), lambda done, total, _: seen.append((done, total)))

    assert seen[-1] == (path.stat().st_size, path.stat().st_size)
