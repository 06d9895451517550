import io
from pathlib import Path

import numpy as np
import pytest

from engine.enums import Timeframe
from engine.errors import DataError
from server.ingest.binance_rows import (
    Kind,
    guess_kind,
    published_name,
    read_blocks,
    to_milliseconds,
)

INSTANT = 1_735_689_600_000
X = Path("x.csv")


def test_each_row_tells_its_own_unit_of_time() -> None:
    times = np.array([INSTANT // 1000, INSTANT, INSTANT * 1000, INSTANT * 1_000_000], np.int64)

    milliseconds, odd = to_milliseconds(times, X, np.arange(len(times)))

    assert milliseconds.tolist() == [INSTANT] * 4
    assert odd.tolist() == [False] * 4


def test_a_time_finer_than_a_millisecond_is_marked() -> None:
    times = np.array([INSTANT * 1000 + 1, INSTANT * 1_000_000 + 999, INSTANT], np.int64)

    milliseconds, odd = to_milliseconds(times, X, np.arange(len(times)))

    assert milliseconds.tolist() == [INSTANT] * 3
    assert odd.tolist() == [True, True, False]


@pytest.mark.parametrize("time", [0, -1, 20_240_101, 10**11, 10**14, 10**17, 10**10])
def test_a_number_that_is_no_time_in_any_unit_is_refused(time: int) -> None:
    with pytest.raises(DataError, match=rf"x\.csv line 8: {time} is not a time"):
        to_milliseconds(np.array([INSTANT, time], np.int64), X, np.array([7, 8]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BTCUSDT-1m-2025-02.csv", ("BTCUSDT", Kind.KLINES, Timeframe.M1, "2025-02")),
        ("data/BTCUSDT-4h-2025-02-28.zip", ("BTCUSDT", Kind.KLINES, Timeframe.H4, "2025-02-28")),
        ("ETHUSDT-trades-2024-08-08.partial.csv", ("ETHUSDT", Kind.TRADES, None, "2024-08-08")),
        ("ETHUSDT-aggTrades-2024-08.zip", ("ETHUSDT", Kind.AGG_TRADES, None, "2024-08")),
        ("ETHUSDT-fundingRate-2024-08.zip", ("ETHUSDT", Kind.FUNDING, None, "2024-08")),
        ("prices.csv", None),
    ],
)
def test_a_published_name_says_what_the_file_is(name: str, expected: object) -> None:
    assert published_name(name) == expected


def test_a_timeframe_that_is_not_offered_is_named() -> None:
    with pytest.raises(DataError, match="bars of 30m are not kept"):
        published_name("BTCUSDT-30m-2025-02.csv")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("1733011200000,1,1,1,1,1,1733014799999,5,1,2,2,0", Kind.KLINES),
        ("open_time,open,high,low,close,volume,close_time", Kind.KLINES),
        ("timestamp,open,high,low,close,volume", Kind.KLINES),
        ("3735683259,61837.6,0.02,1236.7,1723161255342,True,True", Kind.TRADES),
        ("id,price,qty,quote_qty,time,is_buyer_maker", Kind.TRADES),
        ("1,61837.6,0.02,5,6,1723161255342,true,true", Kind.AGG_TRADES),
        ("1,61837.6,0.02,5,6,1723161255342,true", Kind.AGG_TRADES),
        ("calc_time,funding_interval_hours,last_funding_rate", Kind.FUNDING),
    ],
)
def test_the_first_line_says_what_an_unnamed_file_is(line: str, kind: Kind) -> None:
    assert guess_kind(line) == kind


@pytest.mark.parametrize("line", ["", "<html>", "a,b,c,d", "1,2,3,4"])
def test_a_file_of_no_known_kind_is_refused(line: str) -> None:
    assert guess_kind(line) is None
    if line:
        with pytest.raises(DataError, match=r"x\.csv line 2: neither klines"):
            read_blocks(io.BytesIO(f"\n{line}\n".encode()), X, None)


def test_a_name_and_a_header_that_disagree_are_refused() -> None:
    stream = io.BytesIO(b"agg_trade_id,price,quantity\n")

    with pytest.raises(DataError, match="the name says klines, the header aggTrades"):
        read_blocks(stream, X, Kind.KLINES)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(DataError, match=r"x\.csv: is empty"):
        read_blocks(io.BytesIO(b""), X, Kind.KLINES)


def test_blocks_count_the_lines_of_the_whole_file() -> None:
    rows = "".join(f"{n},1,1,0,{INSTANT + n},True\n" for n in range(1, 101))
    text = "id,price,qty,quote_qty,time,is_buyer_maker\r\n" + rows.replace("\n", "\r\n")

    kind, blocks = read_blocks(io.BytesIO(text.encode()), X, None, block_bytes=300)

    seen = [(block.line.tolist(), block.columns["id"].tolist()) for block in blocks]
    assert kind == Kind.TRADES
    assert len(seen) > 5
    assert [number for _, ids in seen for number in ids] == list(range(1, 101))
    assert all(line == [number + 1 for number in ids] for line, ids in seen)


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(DataError, match="a line is longer than"):
        read_blocks(io.BytesIO(b"1" * 300_000), X, Kind.KLINES, block_bytes=1000)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("block_bytes", [40, 4_000])
def test_empty_lines_are_no_rows_and_count_as_lines(end: str, block_bytes: int) -> None:
    text = [
        "",
        "id,price,qty,quote_qty,time,is_buyer_maker",
        " ",
        f"7,1,1,0,{INSTANT},True",
        "",
        "\t",
    ]
    text += [f"8,1,1,0,{INSTANT},True", "", ""]

    _, blocks = read_blocks(io.BytesIO(end.join(text).encode()), X, None, block_bytes)

    rows = [row for block in blocks for row in zip(block.line, block.columns["id"], strict=True)]
    assert rows == [(4, 7), (7, 8)]


def test_a_bad_row_behind_empty_lines_is_named_by_its_own_line() -> None:
    text = f"\n\n{INSTANT},8,0.0001\n\n{INSTANT},8,x\n"

    _, blocks = read_blocks(io.BytesIO(text.encode()), X, Kind.FUNDING)

    with pytest.raises(DataError, match="line 5: rate is not a number"):
        list(blocks)


@pytest.mark.parametrize("content", [b"\n", b"\r\n \n\t\n"])
def test_a_file_of_empty_lines_is_empty(content: bytes) -> None:
    with pytest.raises(DataError, match=r"x\.csv: is empty"):
        read_blocks(io.BytesIO(content), X, Kind.KLINES)


def test_a_name_and_the_columns_that_disagree_are_refused() -> None:
    row = f"{INSTANT},1,1,1,1,1,{INSTANT + 59_999},1,1,1,1,0\n".encode()

    with pytest.raises(DataError, match=r"the name says fundingRate, the columns .* klines"):
        read_blocks(io.BytesIO(row), X, Kind.FUNDING)


def test_klines_tell_when_they_close_where_the_file_has_the_column() -> None:
    row = f"{INSTANT},1,1,1,1,1,{INSTANT * 1000 + 59_999_999},1,1,1,1,0\n"
    header = "timestamp,open,high,low,close,volume,trades\n"

    _, published = read_blocks(io.BytesIO(row.encode()), X, Kind.KLINES)
    _, own = read_blocks(io.BytesIO((header + row).encode()), X, Kind.KLINES)
    _, other = read_blocks(io.BytesIO(row.replace("59999999,", "x,").encode()), X, Kind.KLINES)

    closes = next(published).close_time
    assert closes is not None
    assert closes.tolist() == [INSTANT + 59_999]
    assert next(own).close_time is None
    assert next(other).close_time is None
