from pathlib import Path

import numpy as np
import pytest

from engine.enums import Timeframe
from engine.errors import DataError
from server.ingest.binance_rows import Block
from server.ingest.kline_timeframe import check_timeframe, timeframe_of

START = 1_614_556_800_000  # 2021-03-01
MINUTE = 60_000
X = Path("x.csv")


def block(opens: list[int], lengths: list[int] | None = None) -> Block:
    """Rows that open at these minutes of the day and are so many minutes long, first in line 2."""
    time = START + np.array(opens, np.int64) * MINUTE
    close = None
    if lengths is not None:
        close = time + np.array(lengths, np.int64) * MINUTE - 1
    count = len(opens)
    return Block(np.arange(2, count + 2), {}, time, np.zeros(count, np.bool_), close)


def test_rows_as_long_as_the_name_says_pass() -> None:
    check_timeframe(block([0, 60, 300], [60, 60, 60]), Timeframe.H1, X)


@pytest.mark.parametrize(
    ("rows", "timeframe", "line", "length"),
    [
        (block([0, 1, 2], [1, 1, 1]), Timeframe.H1, 2, "1m"),
        (block([0, 60], [60, 60]), Timeframe.M1, 2, "1h"),
        (block([0, 60, 120, 180], [60, 60, 1, 60]), Timeframe.H1, 4, "1m"),
        (block([0], [30]), Timeframe.M15, 2, "30m"),
        (block([0], [44_640]), Timeframe.D1, 2, "1M"),
    ],
)
def test_a_row_of_another_length_is_refused_by_its_closing_time(
    rows: Block, timeframe: Timeframe, line: int, length: str
) -> None:
    said = f"line {line}: opens 2021-03-01 .*: a bar of {length}; the file is one of {timeframe}"
    with pytest.raises(DataError, match=said):
        check_timeframe(rows, timeframe, X)


def test_a_bar_that_an_outage_cut_short_passes() -> None:
    check_timeframe(block([0, 60], [60, 37]), Timeframe.H1, X)


@pytest.mark.parametrize("late_ms", [-999, 0, 1])
def test_other_conventions_of_closing_pass(late_ms: int) -> None:
    rows = block([0, 1], [1, 1])
    assert rows.close_time is not None
    check_timeframe(rows._replace(close_time=rows.close_time + late_ms), Timeframe.M1, X)


def test_without_closing_times_the_commonest_step_decides() -> None:
    with pytest.raises(DataError, match="rows are 1m apart; the file is one of 1h"):
        check_timeframe(block([0, 1, 2]), Timeframe.H1, X)
    with pytest.raises(DataError, match="rows are 4h apart; the file is one of 1h"):
        check_timeframe(block([0, 240, 480, 720, 960, 1200]), Timeframe.H1, X)
    with pytest.raises(DataError, match="rows are 2h apart; the file is one of 1h"):
        check_timeframe(block([0, 120, 240, 360, 480, 600]), Timeframe.H1, X)


def test_few_rows_far_apart_may_be_of_a_market_that_hardly_trades() -> None:
    check_timeframe(block([0, 60, 120, 180, 240]), Timeframe.M1, X)
    check_timeframe(block([0, 3, 4, 60, 120, 180, 181, 182]), Timeframe.M1, X)


def test_the_timeframe_of_a_silent_name_is_what_the_rows_close_at_or_their_step() -> None:
    assert timeframe_of(block([0], [60]), X) == Timeframe.H1
    assert timeframe_of(block([0, 5, 10, 60]), X) == Timeframe.M5
    with pytest.raises(DataError, match="bars of 30m are not kept"):
        timeframe_of(block([0, 30, 60]), X)
    with pytest.raises(DataError, match="neither its name nor its rows say"):
        timeframe_of(block([0]), X)
