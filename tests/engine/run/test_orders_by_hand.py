"""Resting orders, lists of take profits, percents, tags and costs: every number by hand.

Each example goes through the engine, its replay and the oracle (`tests.engine.by_hand`).
"""

from __future__ import annotations

import pytest

from tests.engine.builders import flat_bars, make_bars
from tests.engine.by_hand import play

CALM = (100.0, 100.0, 100.0, 100.0)
FUTURES = {"trading_mode": "futures", "max_leverage": 10.0}
PLENTY = {"initial_capital": 100_000.0}


# --- stop-limit -----------------------------------------------------------------------------
def test_a_stop_limit_waits_for_its_limit_on_the_rest_of_the_path():
    # Flat, the nearer extreme is the high: 100 -> 106 reaches the stop at 105, where the limit of
    # 103 is not reached; then 106 -> 99 reaches 103.
    bars = make_bars([CALM, (100.0, 106.0, 90.0, 99.0)])
    played = play(bars, {0: lambda s: s.buy(1.0, stop=105.0, limit=103.0)}, **PLENTY)
    assert played.fills == [(1, "buy", 1.0, 103.0, "limit", "path")]


def test_a_stop_limit_that_finds_its_limit_reached_slips_as_a_stop_and_not_beyond_the_limit():
    # 1 % of 105 is 1.05: 106.05 where the limit is 110, and 105.5 where the limit is 105.5.
    bars = make_bars([CALM, (100.0, 112.0, 100.0, 112.0)])

    def place(s):
        s.buy(1.0, stop=105.0, limit=110.0)
        s.buy(1.0, stop=105.0, limit=105.5)

    played = play(
        bars, {0: place}, slippage_bps=100.0, fee_rate=0.001, maker_fee_rate=0.0, **PLENTY
    )
    assert played.fills == [
        (1, "buy", 1.0, pytest.approx(106.05), "limit", "path"),
        (1, "buy", 1.0, 105.5, "limit", "path"),
    ]
    # Neither waited in the book: both pay the taker's fee.
    assert played.column("fee") == [pytest.approx(0.10605), pytest.approx(0.1055)]


def test_a_gap_beyond_the_limit_of_a_stop_limit_leaves_it_waiting_at_the_limit():
    # The open at 95 is below the stop at 98 and below the limit of 97: a sell limit waits for 97.
    bars = make_bars([CALM, (95.0, 96.0, 94.0, 96.0), (96.0, 98.0, 96.0, 97.0)])
    played = play(
        bars, {0: lambda s: s.sell(1.0, stop=98.0, limit=97.0), 1: lambda s: s.resting_orders()},
        **FUTURES,
    )  # fmt: skip
    assert played.fills == [(2, "sell", 1.0, 97.0, "limit", "path")]
    (waiting,) = played.answers[1]
    assert (waiting["triggered"], waiting["limit"], waiting["stop"]) == (True, 97.0, 98.0)


# --- expires ---------------------------------------------------------------------------------
def test_an_order_is_exposed_to_as_many_bars_as_it_has_before_it_expires():
    bars = make_bars([CALM, CALM, CALM, (100.0, 100.0, 90.0, 100.0)])

    def place(s):
        s.buy(1.0, limit=95.0, expires=2)
        s.buy(1.0, limit=95.0, expires=3)

    played = play(bars, {0: place, 1: lambda s: [o["expires"] for o in s.resting_orders()]})
    assert played.fills == [(3, "buy", 1.0, 95.0, "limit", "path")]
    assert played.outcomes == ["expired", "filled"]
    assert played.answers[1] == [1, 2]


def test_an_expired_order_is_gone_when_on_data_of_its_last_bar_looks():
    bars = flat_bars([100.0, 100.0])
    played = play(
        bars, {0: lambda s: s.buy(1.0, limit=95.0, expires=1), 1: lambda s: s.resting_orders()}
    )
    assert played.answers == [True, ()]
    assert played.outcomes == ["expired"]


def test_a_trigger_does_not_start_the_count_anew():
    # Triggered in bar 1 of 2, it waits for 97 in bar 2 and is gone in bar 3.
    bars = make_bars([CALM, (100.0, 100.0, 95.0, 96.0), (96.0, 96.0, 96.0, 96.0),
                      (96.0, 99.0, 96.0, 99.0)])  # fmt: skip
    played = play(bars, {0: lambda s: s.sell(1.0, stop=96.0, limit=97.0, expires=2)}, **FUTURES)
    assert played.fills == []
    assert played.outcomes == ["expired"]


def test_an_order_expires_before_the_market_orders_of_on_fill():
    # The limit at 95 fills in bar 1; its on_fill buys at the close. The order at 90 has expired
    # then: were it still there, cancel_orders would have something to drop.
    bars = make_bars([CALM, (100.0, 100.0, 94.0, 96.0)])

    def place(s):
        s.buy(1.0, limit=95.0)
        s.buy(1.0, limit=90.0, expires=1)

    def answer(s, trade):
        if trade["reason"] == "limit":
            s.buy(1.0)
        else:
            s.cancel_orders()

    played = play(bars, {0: place}, on_fill=answer)
    assert [fill[3] for fill in played.fills] == [95.0, 96.0]
    assert played.outcomes == ["filled", "expired", "filled", "none"]


# --- oco -------------------------------------------------------------------------------------
def test_a_fill_cancels_the_others_of_its_name_before_on_fill_and_no_other():
    bars = make_bars([CALM, (100.0, 110.0, 100.0, 110.0), (110.0, 110.0, 80.0, 100.0)])
    seen = []

    def place(s):
        s.buy(1.0, stop=105.0, oco="entry")
        s.sell(1.0, stop=95.0, oco="entry")
        s.sell(1.0, stop=94.0, oco="other")

    def answer(s, trade):
        seen.append([order["oco"] for order in s.resting_orders()])

    played = play(bars, {0: place}, on_fill=answer, **FUTURES)
    assert played.outcomes == ["filled", "cancelled", "filled"]
    assert [fill[3] for fill in played.fills] == [105.0, 94.0]
    assert seen[0] == ["other"]


def test_a_rejected_order_cancels_no_other_of_its_name_and_a_later_one_joins():
    # 200 units at 95 cost more than there is: rejected in bar 1. The one given in bar 1 joins.
    bars = make_bars([CALM, (100.0, 100.0, 95.0, 100.0), (100.0, 100.0, 90.0, 100.0)])

    def place(s):
        s.buy(200.0, limit=95.0, oco="x")
        s.buy(1.0, limit=90.0, oco="x")

    played = play(bars, {0: place, 1: lambda s: s.sell(1.0, stop=80.0, oco="x")})
    assert played.outcomes == ["rejected", "filled", "cancelled"]


# --- reduce_only ------------------------------------------------------------------------------
def test_reduce_only_fills_at_most_what_is_held_and_never_opens():
    bars = make_bars([CALM, (100.0, 110.0, 100.0, 110.0), (110.0, 120.0, 110.0, 120.0)])

    def place(s):
        s.buy(1.0)
        s.sell(3.0, limit=105.0, reduce_only=True)
        s.sell(3.0, limit=115.0, reduce_only=True)

    played = play(bars, {0: place}, **FUTURES)
    assert played.fills[1:] == [(1, "sell", 1.0, 105.0, "limit", "path")]
    assert played.outcomes == ["filled", "filled", "none"]


def test_reduce_only_on_the_side_of_what_is_held_does_nothing():
    bars = make_bars([CALM, (100.0, 100.0, 90.0, 95.0)])

    def place(s):
        s.buy(1.0)
        s.buy(1.0, limit=95.0, reduce_only=True)

    played = play(bars, {0: place})
    assert len(played.fills) == 1
    assert played.outcomes == ["filled", "none"]


# --- post_only --------------------------------------------------------------------------------
@pytest.mark.parametrize("open_", [95.0, 94.0])
def test_post_only_is_rejected_where_its_first_open_would_fill_it(open_):
    bars = make_bars([CALM, (open_, 96.0, 90.0, 95.0)])
    played = play(bars, {0: lambda s: s.buy(1.0, limit=95.0, post_only=True)})
    assert played.fills == []
    assert played.rejected == [(1, "buy")]


def test_post_only_fills_on_the_path_and_at_a_later_open():
    bars = make_bars([CALM, CALM, (94.0, 96.0, 90.0, 95.0)])
    played = play(bars, {0: lambda s: s.buy(1.0, limit=95.0, post_only=True)})
    assert played.fills == [(2, "buy", 1.0, 94.0, "limit", "open")]
    bars = make_bars([CALM, (100.0, 100.0, 90.0, 95.0)])
    played = play(bars, {0: lambda s: s.buy(1.0, limit=95.0, post_only=True)})
    assert played.fills == [(1, "buy", 1.0, 95.0, "limit", "path")]


# --- the maker's fee --------------------------------------------------------------------------
def test_a_limit_reached_on_the_path_pays_the_makers_fee_and_one_at_the_open_the_takers():
    # 1 x 95 x 0.0002 = 0.019 inside the bar; 1 x 90 x 0.001 = 0.09 at the open; market 0.1.
    bars = make_bars([CALM, (100.0, 100.0, 94.0, 96.0), (90.0, 90.0, 90.0, 90.0)])

    def place(s):
        s.buy(1.0)
        s.buy(1.0, limit=95.0)
        s.buy(1.0, limit=92.0)

    played = play(bars, {0: place}, fee_rate=0.001, maker_fee_rate=0.0002)
    assert played.column("fee") == pytest.approx([0.1, 0.019, 0.09])


def test_a_take_profit_pays_the_makers_fee_where_the_path_reaches_it():
    bars = make_bars([CALM, (100.0, 110.0, 100.0, 110.0)])
    played = play(
        bars, {0: lambda s: s.buy(1.0, take_profit=105.0)}, fee_rate=0.001, maker_fee_rate=0.0
    )
    assert played.column("fee") == pytest.approx([0.1, 0.0])
    gap = make_bars([CALM, (108.0, 110.0, 100.0, 110.0)])
    played = play(
        gap, {0: lambda s: s.buy(1.0, take_profit=105.0)}, fee_rate=0.001, maker_fee_rate=0.0
    )
    assert played.column("fee") == pytest.approx([0.1, 0.108])


def test_a_take_profit_that_is_reached_when_it_is_set_pays_the_takers_fee():
    # The stop fills at 105; its take profit of 104 is reached at once, at 105: 105 x 0.001.
    bars = make_bars([CALM, (100.0, 110.0, 100.0, 110.0)])
    played = play(
        bars,
        {0: lambda s: s.buy(1.0, stop=105.0, take_profit=104.0)},
        fee_rate=0.001,
        maker_fee_rate=0.0,
    )
    assert [fill[4] for fill in played.fills] == ["stop", "take_profit"]
    assert played.column("fee") == pytest.approx([0.105, 0.105])


def test_without_a_makers_fee_rate_every_fill_pays_the_fee_rate():
    bars = make_bars([CALM, (100.0, 100.0, 94.0, 96.0)])
    played = play(bars, {0: lambda s: s.buy(1.0, limit=95.0)}, fee_rate=0.001)
    assert played.column("fee") == pytest.approx([0.095])
    assert played.results.config.maker_fee_rate == 0.001


# --- lists of take profits --------------------------------------------------------------------
def test_the_entries_of_a_list_close_their_share_as_the_path_reaches_them():
    # 4 held: 50 % is 2 at 110, 25 % is 1 at 105; one stays.
    bars = make_bars([CALM, (100.0, 112.0, 100.0, 112.0)])
    played = play(bars, {0: lambda s: s.buy(4.0, take_profit=[(110.0, 50.0), (105.0, 25.0)])})
    assert played.fills[1:] == [
        (1, "sell", 1.0, 105.0, "take_profit", "path"),
        (1, "sell", 2.0, 110.0, "take_profit", "path"),
    ]
    assert played.results.ledger.states["size"][-1] == 1.0


def test_quantities_are_fixed_when_the_list_is_set_and_an_entry_closes_what_is_left():
    # 4 held: 2 at 105 and 2 at 110. An add of 1 does not change them: one stays.
    bars = make_bars([CALM, CALM, (100.0, 112.0, 100.0, 112.0)])
    listed = {0: lambda s: s.buy(4.0, take_profit=[(105.0, 50.0), (110.0, 50.0)])}
    played = play(bars, listed | {1: lambda s: s.buy(1.0)})
    assert [fill[2] for fill in played.fills] == [4.0, 1.0, 2.0, 2.0]
    # Three quarters closed: 1 is left for the entry of 2 at 105, none for the one at 110.
    played = play(bars, listed | {1: lambda s: s.close_position(75.0)})
    assert [fill[2] for fill in played.fills] == [4.0, 3.0, 1.0]


def test_entries_of_one_price_go_in_the_order_of_the_list_and_the_nearest_first_at_an_open():
    bars = make_bars([CALM, (120.0, 120.0, 120.0, 120.0)])
    pairs = [(110.0, 25.0), (105.0, 10.0), (110.0, 50.0)]
    played = play(bars, {0: lambda s: s.buy(4.0, take_profit=pairs)})
    assert [fill[2:4] for fill in played.fills[1:]] == [(0.4, 120.0), (1.0, 120.0), (2.0, 120.0)]


def test_a_short_takes_its_list_from_above():
    bars = make_bars([CALM, (100.0, 100.0, 88.0, 90.0)])
    played = play(
        bars, {0: lambda s: s.sell(2.0, take_profit=[(90.0, 50.0), (95.0, 50.0)])}, **FUTURES
    )
    assert [fill[2:4] for fill in played.fills[1:]] == [(1.0, 95.0), (1.0, 90.0)]
    assert played.results.ledger.states["size"][-1] == 0.0


def test_each_entry_is_heard_of_and_a_price_set_in_on_fill_replaces_the_rest():
    bars = make_bars([CALM, (100.0, 112.0, 100.0, 112.0)])

    def answer(s, trade):
        if trade["reason"] == "take_profit" and trade["price"] == 105.0:
            s.set_take_profit(108.0)

    played = play(
        bars, {0: lambda s: s.buy(4.0, take_profit=[(105.0, 25.0), (110.0, 25.0)])}, on_fill=answer
    )
    assert [fill[2:4] for fill in played.fills[1:]] == [(1.0, 105.0), (3.0, 108.0)]


def test_under_next_open_a_list_is_worked_out_at_its_turn():
    # Set in bar 1 while 4 are held and 4 more queued before it: 50 % of 8 at the open of bar 2.
    bars = make_bars([CALM, CALM, (100.0, 112.0, 100.0, 112.0)])

    def grow(s):
        s.buy(4.0)
        s.set_take_profit([(105.0, 50.0)])

    played = play(bars, {0: lambda s: s.buy(4.0), 1: grow}, fill="next_open")
    assert played.fills[-1] == (2, "sell", 4.0, 105.0, "take_profit", "path")


# --- percents --------------------------------------------------------------------------------
def test_levels_in_percent_count_from_the_fill_price_after_slippage():
    # Bought at 101 (1 %): the stop is 101 x 0.9 = 90.9, slipped to 89.991.
    bars = make_bars([CALM, (100.0, 100.0, 85.0, 85.0)])
    played = play(bars, {0: lambda s: s.buy(1.0, stop_loss_percent=10.0)}, slippage_bps=100.0)
    assert played.fills[1] == (1, "sell", 1.0, pytest.approx(89.991), "stop_loss", "path")
    # Sold at 100: the take profit of a short is 100 x 0.95, its stop 100 x 1.05.
    bars = make_bars([CALM, (100.0, 104.0, 94.0, 96.0)])
    played = play(
        bars,
        {0: lambda s: s.sell(1.0, stop_loss_percent=5.0, take_profit_percent=5.0)},
        **FUTURES,
    )
    assert played.fills[1][3:5] == (pytest.approx(95.0), "take_profit")


def test_a_target_brings_its_levels_along():
    # 50 % of 10,000 at 100 are 50; the stop at 90 takes them out.
    bars = make_bars([CALM, (100.0, 100.0, 85.0, 85.0)])
    played = play(bars, {0: lambda s: s.target_percent(50.0, stop_loss=90.0)})
    assert played.fills == [
        (0, "buy", 50.0, 100.0, "order", "close"),
        (1, "sell", 50.0, 90.0, "stop_loss", "path"),
    ]


def test_a_trailing_stop_in_percent_of_its_own_best_price():
    # The high of 120 moves the mark; 120 x 0.95 = 114 is reached on the way to the close.
    bars = make_bars([CALM, (100.0, 120.0, 99.0, 110.0)])

    def enter(s):
        s.buy(1.0)
        s.set_trailing_stop(percent=5.0)

    played = play(bars, {0: enter})
    assert played.fills[1] == (1, "sell", 1.0, pytest.approx(114.0), "trailing_stop", "path")


def test_a_trailing_stop_in_percent_of_a_short_follows_the_low_and_replaces_a_distance():
    # The low of 80 moves the mark: 80 x 1.1 = 88.
    bars = make_bars([CALM, (100.0, 100.0, 80.0, 95.0)])

    def enter(s):
        s.sell(1.0)
        s.set_trailing_stop(2.0)
        s.set_trailing_stop(percent=10.0)

    played = play(bars, {0: enter}, **FUTURES)
    assert played.fills[1] == (1, "buy", 1.0, pytest.approx(88.0), "trailing_stop", "path")


# --- tags ------------------------------------------------------------------------------------
def test_a_row_has_the_tag_of_the_call_that_made_it_and_a_round_trip_that_of_its_opening():
    bars = make_bars([CALM, CALM, (100.0, 112.0, 100.0, 112.0)])

    def enter(s):
        s.buy(1.0, tag="breakout, long", take_profit=110.0)

    played = play(
        bars,
        {0: enter, 1: lambda s: (s.buy(1.0, tag="add"), s.close_position(50.0, tag="half"))},
    )
    assert list(played.results.trades["tag"]) == ["breakout, long", "add", "half", ""]
    assert list(played.results.round_trips["tag"]) == ["breakout, long"] * 2


def test_cancel_orders_with_a_tag_drops_those_alone():
    bars = flat_bars([100.0, 100.0])

    def place(s):
        s.buy(1.0, limit=90.0, tag="a")
        s.buy(1.0, limit=91.0, tag="b")
        s.buy(1.0, limit=92.0)
        return s.cancel_orders(tag="a"), s.cancel_orders(tag="none of them")

    played = play(bars, {0: place})
    assert played.answers == [(True, True)]
    assert played.outcomes == ["cancelled", "resting", "resting", "filled", "none"]


def test_a_round_trip_has_its_share_of_the_fees_and_of_the_funding():
    # Opened 2 at 100 for a fee of 0.2; half of it closed at 110: 0.11 + 0.1.
    bars = make_bars([CALM, (110.0, 110.0, 110.0, 110.0)])
    played = play(bars, {0: lambda s: s.buy(2.0), 1: lambda s: s.close_position(50.0)},
                  fee_rate=0.001)  # fmt: skip
    assert list(played.results.round_trips["fees"]) == [pytest.approx(0.21)]
    assert list(played.results.round_trips["funding"]) == [0.0]


# --- the end ---------------------------------------------------------------------------------
def test_close_at_end_closes_at_the_last_close_and_drops_what_rests():
    # 1 bought at 101; closed at 110 less 1 %: 108.9, fee 0.1089.
    bars = make_bars([CALM, (110.0, 110.0, 110.0, 110.0)])

    def place(s):
        s.buy(1.0)
        s.buy(1.0, limit=90.0)

    played = play(bars, {0: place}, close_at_end=True, slippage_bps=100.0, fee_rate=0.001)
    assert played.fills[1] == (1, "sell", 1.0, pytest.approx(108.9), "end", "close")
    assert played.outcomes == ["filled", "dropped"]
    # 10,000 - 0.101 + 7.9 - 0.1089
    assert played.column("portfolio_value")[-1] == pytest.approx(10_007.6901)
    assert played.column("margin_used")[-1] == 0.0


def test_without_close_at_end_the_position_stays_open():
    played = play(flat_bars([100.0, 110.0]), {0: lambda s: s.buy(1.0)})
    assert len(played.fills) == 1
