from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from engine.enums import DAY_MS, Timeframe
from engine.errors import DataError
from engine.history.day_files import Columns
from server.ingest.bar_days import KlineDays, TradeDays

Handed = list[tuple[int, list[float]]]
X = Path("x.csv")


def lines(count: int, first: int = 1) -> npt.NDArray[np.int64]:
    return np.arange(first, first + count)


def trades_on(days: TradeDays, *when_and_price: tuple[int, float], first_id: int = 1) -> None:
    times, prices = zip(*when_and_price, strict=True)
    count = len(times)
    days.add(
        np.arange(first_id, first_id + count),
        np.array(prices, np.float64),
        np.ones(count),
        np.array(times, np.int64),
        X,
        lines(count),
    )


def day_rows(*days: int) -> Columns:
    flat = np.ones(len(days))
    return Columns(np.array(days, np.int64) * DAY_MS, flat, flat, flat, flat, flat)


def test_the_oldest_day_is_handed_on_when_too_many_are_open() -> None:
    handed: Handed = []
    days = TradeDays(
        lambda day, rows: handed.append((day, rows.columns.close.tolist())), max_open_days=2
    )

    trades_on(days, (0, 1.0), (DAY_MS, 2.0))
    assert handed == []
    trades_on(days, (2 * DAY_MS, 3.0), first_id=3)
    assert handed == [(0, [1.0])]
    days.close()

    assert handed == [(0, [1.0]), (1, [2.0]), (2, [3.0])]


def test_a_row_of_a_day_that_was_handed_on_is_refused() -> None:
    trades = TradeDays(lambda day, rows: None, max_open_days=1)
    trades_on(trades, (0, 1.0), (DAY_MS, 2.0))
    klines = KlineDays(lambda day, rows: None, Timeframe.D1, max_open_days=1)
    klines.add(day_rows(0, 1, 2), np.zeros(3, np.bool_), X, lines(3))

    with pytest.raises(DataError, match="a row of 1970-01-01 comes after more than 1 other days"):
        trades_on(trades, (5, 1.0), first_id=9)
    with pytest.raises(
        DataError, match="line 9: a row of 1970-01-02 comes after more than 1 other days"
    ):
        klines.add(day_rows(1), np.zeros(1, np.bool_), X, lines(1, 9))


@pytest.mark.parametrize(("price", "qty"), [(0.0, 1.0), (-1.0, 1.0), (1.0, -1.0)])
def test_a_trade_that_is_none_is_named_by_its_line(price: float, qty: float) -> None:
    days = TradeDays(lambda day, rows: None)

    with pytest.raises(DataError, match=r"x\.csv line 11: not a trade: id 8"):
        days.add(
            np.array([7, 8]), np.array([1.0, price]), np.array([1.0, qty]), np.array([1, 2]),
            X, lines(2, 10),
        )  # fmt: skip


def test_copies_of_a_trade_are_dropped_and_another_trade_of_the_same_id_refused() -> None:
    handed: Handed = []
    days = TradeDays(lambda day, rows: handed.append((day, rows.columns.volume.tolist())))
    ids, ones, times = np.array([1, 2, 1]), np.ones(3), np.array([5, 6, 5])

    days.add(ids, ones, ones, times, X, lines(3))
    days.close()

    assert (days.duplicates, handed) == (1, [(0, [2.0])])
    with pytest.raises(DataError, match=r"line 3: two different trades have the id 1, .* line 1"):
        TradeDays(lambda day, rows: None).add(ids, np.array([1.0, 1, 2]), ones, times, X, lines(3))


def test_quantities_of_any_size_are_summed_without_dust() -> None:
    handed: Handed = []
    days = TradeDays(lambda day, rows: handed.append((day, rows.columns.volume.tolist())))
    quantity = np.array([0.1, 0.2, 0.00000001, 123456789012.0])

    days.add(np.arange(1, 5), np.ones(4), quantity, np.array([0, 1, 2, 60_000]), X, lines(4))
    days.close()

    assert handed == [(0, [0.30000001, 123456789012.0])]


def test_bars_of_several_pieces_are_sorted_into_their_day() -> None:
    handed: Handed = []
    hours = KlineDays(
        lambda day, rows: handed.append((day, rows.columns.timestamp.tolist())), Timeframe.H1
    )
    hour = Timeframe.H1.ms
    for first in (3, 1):
        flat = np.ones(2)
        times = np.array([first, first + 1], np.int64) * hour
        rows = Columns(times, flat, flat, flat, flat, flat)
        hours.add(rows, np.zeros(2, np.bool_), X, lines(2))
    hours.close()

    assert handed == [(0, [hour, 2 * hour, 3 * hour, 4 * hour])]


def test_a_minute_without_trades_is_known_to_have_none_between_trades_whose_ids_follow() -> None:
    covered: dict[int, list[int]] = {}
    days = TradeDays(lambda day, rows: covered.update({day: np.flatnonzero(rows.covered).tolist()}))
    minute = 60_000
    # Ids 1 and 2 follow each other over minutes 3 and 4; between 2 and 5 there may have been more.
    ids = np.array([1, 2, 5, 6])
    times = np.array([2, 5, 7, 1438], np.int64) * minute
    days.add(ids, np.ones(4), np.ones(4), times, X, lines(4))
    # The next day's first trade follows the last of this one: minutes 1439 and 0 had none.
    days.add(np.array([7]), np.ones(1), np.ones(1), np.array([1441 * minute]), X, lines(1, 5))

    days.close()

    assert covered == {0: [2, 3, 4, 5, *range(7, 1440)], 1: [0, 1]}


def test_trades_that_were_read_before_are_named_by_both_files_and_lines() -> None:
    days = TradeDays(lambda day, rows: None)
    trades = np.arange(1, 4), np.ones(3), np.ones(3), np.array([1, 2, 60_001])
    days.add(*trades, Path("a.csv"), lines(3, 2))

    with pytest.raises(DataError, match=r"b\.csv line 5: .*read before.* stand in a\.csv line 2$"):
        days.add(*trades, Path("b.csv"), lines(3, 5))


def test_every_bar_that_contradicts_another_is_named_and_no_day_is_handed_on() -> None:
    handed: list[int] = []
    days = KlineDays(lambda day, rows: handed.append(day), Timeframe.D1)
    days.add(day_rows(0, 1, 2), np.zeros(3, np.bool_), Path("a.csv"), lines(3))
    other = day_rows(1, 2)._replace(volume=np.array([5.0, 6.0]))
    days.add(other, np.zeros(2, np.bool_), Path("b.csv"), lines(2, 7))

    with pytest.raises(DataError) as caught:
        days.close()

    assert str(caught.value) == (
        "b.csv line 7: two different 1d bars open at 1970-01-02 00:00: volume 5 here, 1 in a.csv "
        "line 2; b.csv line 8: two different 1d bars open at 1970-01-03 00:00: volume 6 here, 1 in "
        "a.csv line 3"
    )
    assert handed == []
