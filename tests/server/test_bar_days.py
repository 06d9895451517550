import numpy as np
import pytest

from engine.daily_files import Columns
from engine.enums import DAY_MS, Timeframe
from engine.errors import DataError
from server.bar_days import KlineDays, TradeDays

Handed = list[tuple[int, list[float]]]


def trades_on(days: TradeDays, *when_and_price: tuple[int, float], first_id: int = 1) -> None:
    times, prices = zip(*when_and_price, strict=True)
    count = len(times)
    days.add(
        np.arange(first_id, first_id + count),
        np.array(prices, np.float64),
        np.ones(count),
        np.array(times, np.int64),
        "x.csv",
    )


def day_rows(*days: int) -> Columns:
    flat = np.ones(len(days))
    return Columns(np.array(days, np.int64) * DAY_MS, flat, flat, flat, flat, flat)


def test_the_oldest_day_is_handed_on_when_too_many_are_open() -> None:
    handed: Handed = []
    days = TradeDays(lambda day, bars: handed.append((day, bars.close.tolist())), max_open_days=2)

    trades_on(days, (0, 1.0), (DAY_MS, 2.0))
    assert handed == []
    trades_on(days, (2 * DAY_MS, 3.0), first_id=3)
    assert handed == [(0, [1.0])]
    days.close()

    assert handed == [(0, [1.0]), (1, [2.0]), (2, [3.0])]


def test_a_row_of_a_day_that_was_handed_on_is_refused() -> None:
    trades = TradeDays(lambda day, bars: None, max_open_days=1)
    trades_on(trades, (0, 1.0), (DAY_MS, 2.0))
    klines = KlineDays(lambda day, bars: None, Timeframe.D1, max_open_days=1)
    klines.add(day_rows(0, 1, 2), np.zeros(3, np.bool_), "x.csv")

    with pytest.raises(DataError, match="a row of 1970-01-01 comes after more than 1 other days"):
        trades_on(trades, (5, 1.0), first_id=9)
    with pytest.raises(DataError, match="a row of 1970-01-02 comes after more than 1 other days"):
        klines.add(day_rows(1), np.zeros(1, np.bool_), "x.csv")


@pytest.mark.parametrize(("price", "qty"), [(0.0, 1.0), (-1.0, 1.0), (1.0, -1.0)])
def test_a_trade_that_is_none_is_named_by_its_line(price: float, qty: float) -> None:
    days = TradeDays(lambda day, bars: None)

    with pytest.raises(DataError, match=r"x\.csv line 11: not a trade: id 8"):
        days.add(
            np.array([7, 8]), np.array([1.0, price]), np.array([1.0, qty]), np.array([1, 2]),
            "x.csv", line=10,
        )  # fmt: skip


def test_copies_of_a_trade_are_dropped_and_another_trade_of_the_same_id_refused() -> None:
    handed: Handed = []
    days = TradeDays(lambda day, bars: handed.append((day, bars.volume.tolist())))
    ids, ones, times = np.array([1, 2, 1]), np.ones(3), np.array([5, 6, 5])

    days.add(ids, ones, ones, times, "x.csv")
    days.close()

    assert (days.duplicates, handed) == (1, [(0, [2.0])])
    with pytest.raises(DataError, match="line 3: two different trades have the id 1"):
        TradeDays(lambda day, bars: None).add(ids, np.array([1.0, 1, 2]), ones, times, "x.csv")


def test_quantities_of_any_size_are_summed_without_dust() -> None:
    handed: Handed = []
    days = TradeDays(lambda day, bars: handed.append((day, bars.volume.tolist())))
    quantity = np.array([0.1, 0.2, 0.00000001, 123456789012.0])

    days.add(np.arange(1, 5), np.ones(4), quantity, np.array([0, 1, 2, 60_000]), "x.csv")
    days.close()

    assert handed == [(0, [0.30000001, 123456789012.0])]


def test_bars_of_several_pieces_are_sorted_into_their_day() -> None:
    handed: Handed = []
    hours = KlineDays(lambda day, bars: handed.append((day, bars.timestamp.tolist())), Timeframe.H1)
    hour = Timeframe.H1.ms
    for first in (3, 1):
        flat = np.ones(2)
        times = np.array([first, first + 1], np.int64) * hour
        rows = Columns(times, flat, flat, flat, flat, flat)
        hours.add(rows, np.zeros(2, np.bool_), "x.csv")
    hours.close()

    assert handed == [(0, [hour, 2 * hour, 3 * hour, 4 * hour])]
