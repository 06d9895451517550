"""orders.csv: what each call gave, in the columns that its numbers belong to."""

from __future__ import annotations

from engine.analysis.csv_text import csv_chunks
from engine.analysis.order_table import order_table
from tests.engine.builders import flat_bars, run_script

FUTURES = {"trading_mode": "futures", "max_leverage": 10.0}


def lines_of(*calls):
    bars = flat_bars([100.0, 100.0])
    ledger, _ = run_script(bars, {0: lambda s: [call(s) for call in calls] and None}, **FUTURES)
    table = order_table(ledger, bars)
    text = b"".join(csv_chunks(list(table), list(table.values()))).decode()
    rows = [line.split(",") for line in text.splitlines()]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def test_a_plain_call_leaves_the_columns_of_others_empty():
    (row,) = lines_of(lambda s: s.buy(1.0))
    empty = ("tag", "expires", "oco", "percent", "targets", "limit", "stop")
    assert [row[name] for name in empty] == [""] * len(empty)
    assert (row["symbol"], row["reduce_only"], row["post_only"]) == ("BTCUSDT", "false", "false")


def test_a_resting_order_shows_all_that_it_was_given():
    (row,) = lines_of(
        lambda s: s.buy(1.0, limit=90.0, tag="dip", expires=5, oco="x", post_only=True)
    )
    assert (row["tag"], row["expires"], row["oco"]) == ("dip", "5", "x")
    assert (row["reduce_only"], row["post_only"]) == ("false", "true")


def test_percents_stand_in_their_own_column_and_not_among_the_prices():
    rows = lines_of(
        lambda s: s.buy(1.0, stop_loss_percent=2, take_profit_percent=4.5),
        lambda s: s.set_trailing_stop(percent=3),
        lambda s: s.set_trailing_stop(3),
    )
    assert [row["percent"] for row in rows] == ["stop_loss:2.0 take_profit:4.5", "3.0", ""]
    assert (rows[0]["stop_loss"], rows[0]["take_profit"]) == ("", "")
    assert [row["amount"] for row in rows] == ["1.0", "", "3.0"]


def test_a_list_of_take_profits_is_written_as_price_and_percent():
    rows = lines_of(
        lambda s: s.buy(1.0, take_profit=[(110, 50), (120.5, 25)]),
        lambda s: s.set_take_profit([(130, 100)]),
    )
    assert [row["targets"] for row in rows] == ["110.0:50.0 120.5:25.0", "130.0:100.0"]


def test_a_call_has_its_line_and_words_have_no_row():
    rows = lines_of(lambda s: s.buy(1.0, tag="a"), lambda s: s.buy(1.0, tag="a"))
    assert len(rows) == 2
    assert all(row["line"].isdigit() for row in rows)
