"""The order of things in a bar, one worked example per rule. Fees are 0 unless a test says so.

Liquidation prices come out round with a maintenance rate of 0.04: a long of 10x at entry E has
margin E/10 and P = (E - E/10) / (1 - 0.04) = 0.9375 E, so 93.75 at 100. A short of 2x at a rate
of 0.25 has P = (E + E/2) / (1 + 0.25) = 1.2 E, so 120 at 100.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.bars import Bars, Funding
from engine.errors import InsufficientFundsError, StrategyError
from tests.engine.builders import START_MS, flat_bars, make_bars
from tests.engine.by_hand import play

HOUR_MS = 3_600_000
FUTURES: dict[str, Any] = {"trading_mode": "futures"}
FUNDED: dict[str, Any] = {"trading_mode": "futures", "funding": True}
LONG_10X: dict[str, Any] = FUTURES | {"max_leverage": 10.0, "maintenance_margin_rate": 0.04}
SHORT_2X: dict[str, Any] = FUTURES | {"max_leverage": 2.0, "maintenance_margin_rate": 0.25}
NEXT_OPEN: dict[str, Any] = {"fill": "next_open"}
CALM = (100.0, 100.0, 100.0, 100.0)


def settled(*pairs: tuple[float, float], bar_ms: int = HOUR_MS, late_ms: int = 0) -> Funding:
    """Funding of (time in bars after the start, rate)."""
    times = [START_MS + round(at * bar_ms) + late_ms for at, _ in pairs]
    return Funding(np.array(times, np.int64), np.array([rate for _, rate in pairs]))


def with_hole(bars: Bars, after: int, missing: int) -> Bars:
    """The same bars with `missing` bars' time passing between bar `after` and the next."""
    times = bars.timestamp.copy()
    times[after + 1 :] += missing * bars.timeframe.ms
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    return Bars(bars.symbol, bars.timeframe, times, **columns)


# --- 1. funding ----------------------------------------------------------------------------------
def test_a_daily_bar_settles_three_times_at_its_open():
    bars = make_bars([CALM, (110.0, 120.0, 105.0, 115.0)], "1d")
    funding = settled((1.0, 0.001), (4 / 3, 0.002), (5 / 3, -0.0005), bar_ms=24 * HOUR_MS)
    played = play(bars, {0: lambda s: s.buy(2.0)}, settlements=funding, **FUNDED)
    # 2 x 110 x (0.001 + 0.002 - 0.0005) = 0.55
    assert played.results.metrics["funding_paid"] == pytest.approx(0.55, rel=1e-12)
    assert played.column("cash") == pytest.approx([9_800.0, 9_799.45], rel=1e-12)
    assert played.column("realized_pnl") == pytest.approx([0.0, -0.55], rel=1e-12)
    # 9799.45 cash + 200 margin + 2 x (115 - 100)
    assert played.column("portfolio_value")[1] == pytest.approx(10_029.45, rel=1e-12)


def test_a_short_receives_a_positive_rate():
    played = play(
        flat_bars([100.0, 100.0]), {0: lambda s: s.sell(3.0)}, settlements=settled((1.0, 0.01)),
        **FUNDED,
    )  # fmt: skip
    assert played.results.metrics["funding_paid"] == pytest.approx(-3.0, rel=1e-12)
    assert played.column("cash")[1] == pytest.approx(9_703.0, rel=1e-12)


def test_only_a_position_from_before_the_bar_pays_funding():
    # Bought at the open of bar 1, which settles: nothing. Bar 2 settles: 1 x 100 x 0.01.
    played = play(
        flat_bars([100.0] * 3), {0: lambda s: s.buy(1.0)},
        settlements=settled((1.0, 0.01), (2.0, 0.01)), **FUNDED, **NEXT_OPEN,
    )  # fmt: skip
    assert played.column("realized_pnl") == pytest.approx([0.0, 0.0, -1.0], rel=1e-12)


def test_a_settlement_published_some_milliseconds_late_belongs_to_its_bar():
    played = play(
        flat_bars([100.0, 100.0, 100.0]), {0: lambda s: s.buy(1.0)},
        settlements=settled((1.0, 0.01), late_ms=17), **FUNDED,
    )  # fmt: skip
    assert played.column("realized_pnl") == pytest.approx([0.0, -1.0, -1.0], rel=1e-12)


def test_settlements_that_no_bar_covers_are_paid_at_the_next_open():
    bars = with_hole(make_bars([CALM, (120.0, 120.0, 120.0, 120.0)]), after=0, missing=20)
    # At hours 8 and 16 there is no bar: both are paid at hour 21's open, 2 x 120 x 0.01.
    funding = settled((8.0, 0.01), (16.0, 0.01))
    played = play(bars, {0: lambda s: s.buy(1.0)}, settlements=funding, **FUNDED)
    assert played.column("realized_pnl") == pytest.approx([0.0, -2.4], rel=1e-12)


def test_funding_that_cash_cannot_pay_comes_out_of_the_margin_and_moves_liquidation():
    bars = make_bars([CALM, (100.0, 100.0, 94.0, 98.0)])
    # 9.9 x 100 at 10x: margin 99, cash 1. Funding 9.9 x 100 x 0.02 = 19.8: 1 from cash, 18.8
    # from the margin, now 80.2. P was 93.75, is (990 - 80.2) / (9.9 x 0.96) = 95.7281...
    level = (990.0 - 80.2) / (9.9 * 0.96)
    played = play(
        bars, {0: lambda s: s.buy(9.9, 10)}, settlements=settled((1.0, 0.02)),
        initial_capital=100.0, **FUNDED, max_leverage=10.0, maintenance_margin_rate=0.04,
    )  # fmt: skip
    assert played.fills[1] == (1, "liquidation", 9.9, pytest.approx(level), "liquidation", "path")
    left = 80.2 + 9.9 * (level - 100.0)
    assert played.column("cash")[1] == pytest.approx(left, rel=1e-9)
    # The position's leverage is 990 / 80.2 by then.
    assert played.column("leverage")[1] == pytest.approx(990.0 / 80.2, rel=1e-12)


def test_funding_that_neither_cash_nor_margin_can_pay_is_not_charged():
    bars = make_bars([CALM, CALM])
    # 9.9 x 100 x 0.3 = 297 is due, 1 + 99 is there; without margin P = 100 / 0.96 is reached.
    played = play(
        bars, {0: lambda s: s.buy(9.9, 10)}, settlements=settled((1.0, 0.3)),
        initial_capital=100.0, **FUNDED, max_leverage=10.0, maintenance_margin_rate=0.04,
    )  # fmt: skip
    assert played.results.metrics["funding_paid"] == pytest.approx(100.0, rel=1e-12)
    assert played.fills[1] == (1, "liquidation", 9.9, 100.0, "liquidation", "open")
    assert played.column("portfolio_value") == [100.0, 0.0]


# --- 2. gap liquidation --------------------------------------------------------------------------
def test_a_gap_through_the_liquidation_price_of_a_short_fills_at_the_open():
    # P = 120; the open of 130 costs 30 of the margin of 50.
    played = play(
        make_bars([CALM, (130.0, 131.0, 95.0, 100.0)]), {0: lambda s: s.sell(1.0, 2.0)}, **SHORT_2X
    )
    assert played.fills[1] == (1, "liquidation", 1.0, 130.0, "liquidation", "open")
    assert played.column("cash") == pytest.approx([9_950.0, 9_970.0], rel=1e-12)


def test_an_open_exactly_at_the_liquidation_price_is_reached():
    played = play(
        make_bars([CALM, (93.75, 100.0, 93.75, 100.0)]), {0: lambda s: s.buy(1.0, 10)}, **LONG_10X
    )
    assert played.fills[1] == (1, "liquidation", 1.0, 93.75, "liquidation", "open")


def test_an_order_given_on_a_gap_liquidation_waits_for_the_close_or_the_next_open():
    bars = make_bars([CALM, (90.0, 96.0, 88.0, 95.0), (97.0, 97.0, 97.0, 97.0)])

    def again(s, trade):
        if trade["action"] == "liquidation":
            assert s.buy(1.0)

    played = play(bars, {0: lambda s: s.buy(1.0, 10)}, on_fill=again, **LONG_10X)
    assert played.fills[2] == (1, "buy", 1.0, 95.0, "order", "close")
    # Under next_open not at the open that liquidates, whose queue is the bar before's: the next.
    played = play(
        make_bars([CALM, CALM, (90.0, 96.0, 88.0, 95.0), (97.0, 97.0, 97.0, 97.0)]),
        {0: lambda s: s.buy(1.0, 10)}, on_fill=again, **LONG_10X, **NEXT_OPEN,
    )  # fmt: skip
    assert played.fills[1] == (2, "liquidation", 1.0, 90.0, "liquidation", "open")
    assert played.fills[2] == (3, "buy", 1.0, 97.0, "order", "open")


# --- 3. the queue --------------------------------------------------------------------------------
def test_queued_orders_take_effect_in_order_and_work_out_their_quantity_then():
    bars = make_bars([CALM, (110.0, 110.0, 110.0, 110.0)])

    def several(s):
        return [s.buy(1.0), s.buy(3.0), s.close_position(25.0), s.target_percent(0.0)]

    played = play(bars, {0: several}, **NEXT_OPEN)
    assert played.answers == [[True, True, True, True]]
    assert [(row[1], row[2], row[3]) for row in played.fills] == [
        ("buy", 1.0, 110.0), ("buy", 3.0, 110.0), ("sell", 1.0, 110.0), ("sell", 3.0, 110.0),
    ]  # fmt: skip
    assert {row[5] for row in played.fills} == {"open"}


def test_a_queued_level_takes_its_turn_and_is_rejected_when_flat_then():
    bars = make_bars([CALM, CALM])
    played = play(
        bars, {0: lambda s: [s.set_stop_loss(90.0), s.buy(1.0), s.set_stop_loss(101.0)]},
        **NEXT_OPEN,
    )  # fmt: skip
    assert played.rejected == [(1, "set_stop_loss")]
    assert played.outcomes == ["rejected", "filled", "set"]
    # The second stop is on the wrong side: the open of this very bar has reached it.
    assert played.fills[1] == (1, "sell", 1.0, 100.0, "stop_loss", "open")


def test_a_queued_trailing_stop_has_its_mark_at_the_open():
    # Mark 110 at the open of bar 1, not the close of bar 0; the stop is 105.
    bars = make_bars([CALM, (110.0, 110.0, 104.0, 104.0)])
    played = play(bars, {0: lambda s: [s.buy(1.0), s.set_trailing_stop(5.0)]}, **NEXT_OPEN)
    assert played.fills[1] == (1, "sell", 1.0, 105.0, "trailing_stop", "path")


def test_funds_are_judged_at_the_fill():
    # 95 x 100 fits into 10,000 at the close, not at the open of 110.
    bars = make_bars([CALM, (110.0, 110.0, 110.0, 110.0)])
    played = play(bars, {0: lambda s: s.buy(95.0)}, **NEXT_OPEN)
    assert played.answers == [True]
    assert played.rejected == [(1, "buy")]


def test_size_is_judged_at_the_call():
    played = play(flat_bars([100.0, 100.0]), {0: lambda s: s.buy(0.000009)}, **NEXT_OPEN)
    assert played.answers == [False]
    assert played.rejected == [(0, "buy")]


def test_orders_still_queued_after_the_last_bar_are_dropped_and_counted():
    played = play(flat_bars([100.0]), {0: lambda s: [s.buy(1.0), s.close_position()]}, **NEXT_OPEN)
    assert played.outcomes == ["dropped", "dropped"]
    assert played.results.ledger.dropped_orders == 2
    assert played.fills == []


def test_a_position_from_before_meets_the_queue_before_its_reached_stop():
    bars = make_bars([CALM, CALM, (85.0, 85.0, 85.0, 85.0)])
    played = play(
        bars, {0: lambda s: s.buy(1.0, stop_loss=90.0), 1: lambda s: s.close_position()},
        **NEXT_OPEN,
    )  # fmt: skip
    assert played.fills[1] == (2, "sell", 1.0, 85.0, "order", "open")


# --- 4. the path: ties ---------------------------------------------------------------------------
def test_liquidation_comes_before_a_stop_loss_at_its_price():
    played = play(
        make_bars([CALM, (100.0, 100.0, 93.0, 95.0)]),
        {0: lambda s: s.buy(1.0, 10, stop_loss=93.75)}, **LONG_10X,
    )  # fmt: skip
    assert played.fills[1][3:] == (93.75, "liquidation", "path")


def test_a_stop_loss_comes_before_a_trailing_stop_at_its_price():
    # Mark 100, distance 5: both at 95.
    played = play(
        make_bars([CALM, (100.0, 100.0, 94.0, 96.0)]),
        {0: lambda s: [s.buy(1.0, stop_loss=95.0), s.set_trailing_stop(5.0)]},
    )
    assert played.fills[1][3:] == (95.0, "stop_loss", "path")


def test_the_higher_of_stop_loss_and_trailing_stop_is_reached_first():
    played = play(
        make_bars([CALM, (100.0, 100.0, 94.0, 96.0)]),
        {0: lambda s: [s.buy(1.0, stop_loss=95.0), s.set_trailing_stop(4.0)]},
    )
    assert played.fills[1][3:] == (96.0, "trailing_stop", "path")


def test_a_level_comes_before_a_resting_order_at_its_price():
    # The stop loss closes the long at 95; the resting sell then opens a short of 1.
    played = play(
        make_bars([CALM, (100.0, 100.0, 94.0, 96.0)]),
        {0: lambda s: [s.sell(1.0, stop=95.0), s.buy(1.0, stop_loss=95.0)]}, **FUTURES,
    )  # fmt: skip
    assert [row[3:] for row in played.fills[1:]] == [
        (95.0, "stop_loss", "path"), (95.0, "stop", "path"),
    ]  # fmt: skip
    assert list(played.results.trades["position_type"]) == ["long", "long", "short"]


def test_resting_orders_at_one_price_fill_as_given_and_one_without_funds_is_gone():
    bars = make_bars([CALM, (100.0, 100.0, 50.0, 100.0), (100.0, 100.0, 50.0, 100.0)])
    played = play(
        bars, {0: lambda s: [s.buy(120.0, limit=50.0), s.buy(90.0, limit=50.0)]}
    )  # 120 x 50 = 6000 of 10000; the second needs 4500 of 4000
    assert [(row[0], row[2]) for row in played.fills] == [(1, 120.0)]
    assert played.outcomes == ["filled", "rejected"]
    assert played.rejected == [(1, "buy")]


def test_at_the_open_both_levels_reached_means_the_stop_loss():
    # A stop above and a target below the price: both are on the wrong side, the stop goes first.
    played = play(
        flat_bars([100.0, 100.0]), {0: lambda s: s.buy(1.0, stop_loss=105.0, take_profit=95.0)}
    )
    assert played.fills[1] == (1, "sell", 1.0, 100.0, "stop_loss", "open")


def test_a_resting_order_stopped_at_once_is_out_before_the_next_resting_order():
    # Both buy limits are reached by the open; the first one's stop of 102 too.
    bars = make_bars([(110.0, 110.0, 110.0, 110.0), CALM])
    played = play(
        bars, {0: lambda s: [s.buy(1.0, limit=105.0, stop_loss=102.0), s.buy(2.0, limit=104.0)]}
    )
    assert [row[1:5] for row in played.fills] == [
        ("buy", 1.0, 100.0, "limit"), ("sell", 1.0, 100.0, "stop_loss"),
        ("buy", 2.0, 100.0, "limit"),
    ]  # fmt: skip


# --- 4. the path: order of prices ----------------------------------------------------------------
def test_the_path_of_the_holder_is_kept_when_the_position_ends_inside_the_bar():
    # A long: O 100 -> L 90 -> H 110 -> C 100. Stopped at 95 on the way down; short at 108 on the
    # way up, and out again at 109 on the same way.
    bars = make_bars([CALM, (100.0, 110.0, 90.0, 100.0)])
    played = play(
        bars,
        {0: lambda s: [s.buy(1.0, stop_loss=95.0), s.sell(1.0, limit=108.0, stop_loss=109.0)]},
        **FUTURES,
    )
    assert [row[1:] for row in played.fills[1:]] == [
        ("sell", 1.0, 95.0, "stop_loss", "path"),
        ("sell", 1.0, 108.0, "limit", "path"),
        ("buy", 1.0, 109.0, "stop_loss", "path"),
    ]


def test_a_long_opened_by_the_queue_at_the_open_walks_to_the_low_first():
    # Nearer to the high, but a long is held when the path is chosen: 96 before 101.
    bars = make_bars([CALM, (100.0, 101.0, 95.0, 100.0)])
    played = play(bars, {0: lambda s: s.buy(1.0, stop_loss=96.0, take_profit=101.0)}, **NEXT_OPEN)
    assert played.fills[1][3:] == (96.0, "stop_loss", "path")


def test_when_flat_a_tie_of_the_extremes_goes_to_the_low():
    # 95 and 105 are equally near: buy at 96 going down, sold at 104 going up.
    bars = make_bars([CALM, (100.0, 105.0, 95.0, 100.0)])
    played = play(bars, {0: lambda s: [s.buy(1.0, limit=96.0, take_profit=104.0)]})
    assert [row[3] for row in played.fills] == [96.0, 104.0]
    # With the high nearer, 104 is past when 96 comes.
    bars = make_bars([CALM, (100.0, 104.5, 95.0, 100.0)])
    played = play(bars, {0: lambda s: [s.buy(1.0, limit=96.0, take_profit=104.0)]})
    assert [row[3] for row in played.fills] == [96.0]


def test_a_position_opened_inside_the_bar_can_be_liquidated_on_the_rest_of_it():
    # Bought at 96 on the way down to 85: P = 0.9375 x 96 = 90.
    bars = make_bars([CALM, (100.0, 101.0, 85.0, 99.0)])
    played = play(bars, {0: lambda s: s.buy(1.0, 10, limit=96.0)}, **LONG_10X)
    assert [row[1:] for row in played.fills] == [
        ("buy", 1.0, 96.0, "limit", "path"),
        ("liquidation", 1.0, pytest.approx(90.0, rel=1e-12), "liquidation", "path"),
    ]  # fmt: skip


def test_a_position_opened_at_the_close_has_not_seen_the_bar():
    # The low of 80 came before the purchase at the close.
    bars = make_bars([(100.0, 120.0, 80.0, 100.0), CALM])
    played = play(bars, {0: lambda s: s.buy(1.0, 10, stop_loss=95.0)}, **LONG_10X)
    assert len(played.fills) == 1


def test_stop_and_target_in_one_bar_is_the_stop():
    bars = make_bars([CALM, (100.0, 120.0, 80.0, 110.0)])
    played = play(bars, {0: lambda s: s.buy(1.0, stop_loss=90.0, take_profit=110.0)})
    assert played.fills[1][3:] == (90.0, "stop_loss", "path")
    played = play(bars, {0: lambda s: s.sell(1.0, stop_loss=110.0, take_profit=90.0)}, **FUTURES)
    assert played.fills[1][3:] == (110.0, "stop_loss", "path")


# --- 4. the path: prices and slippage ------------------------------------------------------------
@pytest.mark.parametrize(
    ("order", "opens_at", "fills_at"),
    [
        # A hundred basis points; a gap gives the open, better for limits, worse for stops.
        ({"limit": 95.0}, 100.0, 95.0),
        ({"limit": 95.0}, 90.0, 90.0),
        ({"stop": 105.0}, 100.0, 105.0 * 1.01),
        ({"stop": 105.0}, 110.0, 110.0 * 1.01),
    ],
)
def test_where_a_resting_buy_fills(order, opens_at, fills_at):
    bars = make_bars([CALM, (opens_at, 112.0, 88.0, 100.0)])
    played = play(bars, {0: lambda s: s.buy(1.0, **order)}, slippage_bps=100.0)
    assert played.fills[0][3] == pytest.approx(fills_at, rel=1e-12)


@pytest.mark.parametrize(
    ("order", "opens_at", "fills_at"),
    [
        ({"limit": 105.0}, 100.0, 105.0),
        ({"limit": 105.0}, 110.0, 110.0),
        ({"stop": 95.0}, 100.0, 95.0 * 0.99),
        ({"stop": 95.0}, 90.0, 90.0 * 0.99),
    ],
)
def test_where_a_resting_sell_fills(order, opens_at, fills_at):
    bars = make_bars([CALM, (opens_at, 112.0, 88.0, 100.0)])
    played = play(bars, {0: lambda s: s.sell(1.0, **order)}, slippage_bps=100.0, **FUTURES)
    assert played.fills[0][3] == pytest.approx(fills_at, rel=1e-12)


def test_market_orders_and_stops_slip_and_targets_and_liquidations_do_not():
    def prices(rows, step, **fields):
        played = play(make_bars(rows), {0: step}, slippage_bps=100.0, **fields)
        return [row[3] for row in played.fills]

    fall = [CALM, (100.0, 100.0, 80.0, 80.0)]
    rise = [CALM, (100.0, 130.0, 100.0, 130.0)]
    assert prices(fall, lambda s: s.buy(1.0, stop_loss=90.0)) == pytest.approx([101.0, 89.1])
    # The mark starts at the unslipped 100, so the stop is at 92.
    assert prices(fall, lambda s: [s.buy(1.0), s.set_trailing_stop(8.0)]) == pytest.approx(
        [101.0, 91.08]
    )
    assert prices(rise, lambda s: s.buy(1.0, take_profit=120.0)) == pytest.approx([101.0, 120.0])
    # P = 0.9375 x 101 = 94.6875
    assert prices(fall, lambda s: s.buy(1.0, 10), **LONG_10X) == pytest.approx([101.0, 94.6875])


# --- resting orders ------------------------------------------------------------------------------
def test_a_resting_order_is_first_exposed_at_the_next_open():
    # The bar that places it has been at 90; the next one opens at 94, better than 95.
    bars = make_bars([(100.0, 100.0, 90.0, 100.0), (94.0, 96.0, 94.0, 96.0)])
    played = play(bars, {0: lambda s: s.buy(1.0, limit=95.0)})
    assert played.fills == [(1, "buy", 1.0, 94.0, "limit", "open")]


def test_resting_orders_come_after_the_queue_at_the_open():
    # The sell limit given first would be refused in spot, were it not after the queued buy.
    bars = flat_bars([100.0, 100.0])
    played = play(bars, {0: lambda s: [s.sell(1.0, limit=99.0), s.buy(1.0)]}, **NEXT_OPEN)
    assert [row[1] for row in played.fills] == ["buy", "sell"]


def test_a_resting_order_outlives_the_position_and_may_flip_the_next_one():
    bars = make_bars([CALM, CALM, CALM, (100.0, 110.0, 100.0, 110.0)])
    played = play(
        bars,
        {
            0: lambda s: [s.buy(1.0), s.sell(3.0, limit=105.0)],
            1: lambda s: s.close_position(),
            2: lambda s: s.buy(1.0),
        },
        **FUTURES,
    )
    assert [row[1:4] for row in played.fills[3:]] == [("sell", 1.0, 105.0), ("sell", 2.0, 105.0)]
    assert played.column("margin_used")[3] == pytest.approx(210.0)


def test_cancel_orders_drops_resting_orders_and_nothing_else():
    bars = make_bars([CALM, (100.0, 100.0, 90.0, 95.0)])
    played = play(
        bars,
        {0: lambda s: [s.buy(1.0, stop_loss=92.0), s.buy(5.0, limit=94.0), s.cancel_orders()]},
    )
    assert played.outcomes[:2] == ["filled", "cancelled"]
    assert [row[4] for row in played.fills] == ["order", "stop_loss"]
    played = play(
        bars, {0: lambda s: [s.buy(1.0), s.buy(5.0, limit=94.0), s.cancel_orders()]}, **NEXT_OPEN
    )
    assert played.outcomes[:2] == ["filled", "cancelled"]


def test_a_resting_order_that_closes_exactly_takes_the_levels_with_it():
    bars = make_bars([CALM, (100.0, 106.0, 100.0, 106.0), (106.0, 106.0, 90.0, 90.0)])
    played = play(
        bars, {0: lambda s: [s.buy(1.0, stop_loss=95.0), s.sell(1.0, limit=105.0)]}, **FUTURES
    )
    assert [row[4] for row in played.fills] == ["order", "limit"]


# --- levels --------------------------------------------------------------------------------------
def test_an_add_replaces_the_levels_it_gives_and_leaves_the_others():
    bars = make_bars([CALM, CALM, (100.0, 100.0, 90.0, 90.0), (90.0, 120.0, 90.0, 120.0)])
    played = play(
        bars,
        {
            0: lambda s: s.buy(1.0, stop_loss=95.0, take_profit=115.0),
            1: lambda s: s.buy(1.0, stop_loss=85.0),
        },
    )
    # The stop of 95 is gone: bar 2 falls through it. The target of 115 still stands.
    assert played.fills[2] == (3, "sell", 2.0, 115.0, "take_profit", "path")


def test_a_partial_close_keeps_the_levels_and_ignores_its_own():
    bars = make_bars([CALM, CALM, (100.0, 100.0, 90.0, 90.0)])
    played = play(
        bars,
        {
            0: lambda s: s.buy(2.0, stop_loss=95.0),
            1: lambda s: s.sell(1.0, stop_loss=99.0, take_profit=90.0),
        },
    )
    assert played.fills[2] == (2, "sell", 1.0, 95.0, "stop_loss", "path")


def test_a_flip_removes_the_old_levels_and_sets_its_own():
    bars = make_bars([CALM, CALM, (100.0, 104.0, 94.0, 100.0), (100.0, 106.0, 100.0, 106.0)])
    played = play(
        bars,
        {
            0: lambda s: s.buy(1.0, stop_loss=95.0, take_profit=103.0),
            1: lambda s: s.sell(3.0, stop_loss=105.0),
        },
        **FUTURES,
    )
    # Bar 2 reaches 95 and 103, which were the long's. The short's stop is 105, in bar 3.
    assert played.fills[3] == (3, "buy", 2.0, 105.0, "stop_loss", "path")


def test_a_level_on_the_wrong_side_triggers_at_the_next_open():
    bars = make_bars([CALM, (98.0, 99.0, 97.0, 98.0)])
    played = play(bars, {0: lambda s: [s.buy(1.0), s.set_stop_loss(101.0)]})
    assert played.fills[1] == (1, "sell", 1.0, 98.0, "stop_loss", "open")
    played = play(bars, {0: lambda s: [s.buy(1.0), s.set_take_profit(90.0)]})
    assert played.fills[1] == (1, "sell", 1.0, 98.0, "take_profit", "open")


def test_touching_a_level_is_reaching_it():
    bars = make_bars([CALM, (100.0, 100.0, 95.0, 100.0)])
    assert len(play(bars, {0: lambda s: s.buy(1.0, stop_loss=95.0)}).fills) == 2
    assert len(play(bars, {0: lambda s: s.buy(1.0, stop_loss=94.999999999)}).fills) == 1


# --- trailing stops ------------------------------------------------------------------------------
def test_a_trailing_stop_is_carried_up_by_a_gap_and_does_not_come_down():
    # Mark 100 -> 110 at the open of bar 1, 112 at its high; stop 107, then hit on the way to 105.
    bars = make_bars([CALM, (110.0, 112.0, 108.0, 111.0), (109.0, 110.0, 105.0, 106.0)])
    played = play(bars, {0: lambda s: [s.buy(1.0), s.set_trailing_stop(5.0)]})
    assert played.fills[1] == (2, "sell", 1.0, 107.0, "trailing_stop", "path")


def test_a_trailing_stop_fires_in_the_bar_that_raised_it():
    # O 100 -> L 98 -> H 110 (mark 110, stop 105) -> C 104.
    bars = make_bars([CALM, (100.0, 110.0, 98.0, 104.0)])
    played = play(bars, {0: lambda s: [s.buy(1.0), s.set_trailing_stop(5.0)]})
    assert played.fills[1] == (1, "sell", 1.0, 105.0, "trailing_stop", "path")


def test_a_trailing_stop_of_a_short_follows_the_low():
    # O 100 -> H 101 -> L 90 (mark 90, stop 94) -> C 95.
    bars = make_bars([CALM, (100.0, 101.0, 90.0, 95.0)])
    played = play(bars, {0: lambda s: [s.sell(1.0), s.set_trailing_stop(4.0)]}, **FUTURES)
    assert played.fills[1] == (1, "buy", 1.0, 94.0, "trailing_stop", "path")


def test_a_gap_through_a_trailing_stop_fills_at_the_open():
    bars = make_bars([CALM, (90.0, 99.0, 90.0, 99.0)])
    played = play(bars, {0: lambda s: [s.buy(1.0), s.set_trailing_stop(5.0)]})
    assert played.fills[1] == (1, "sell", 1.0, 90.0, "trailing_stop", "open")


def test_setting_a_trailing_stop_again_starts_anew_and_an_add_leaves_it():
    rows = [CALM, (100.0, 110.0, 100.0, 106.0), (106.0, 106.0, 104.0, 104.0)]
    # Mark 110, stop 104: touched in bar 2; the add in bar 1 changes nothing.
    played = play(
        make_bars(rows),
        {0: lambda s: [s.buy(1.0), s.set_trailing_stop(6.0)], 1: lambda s: s.buy(1.0)},
    )
    assert played.fills[2] == (2, "sell", 2.0, 104.0, "trailing_stop", "path")
    # Set again at the close of 106, the stop is 100.
    again = {
        0: lambda s: [s.buy(1.0), s.set_trailing_stop(6.0)],
        1: lambda s: s.set_trailing_stop(6.0),
    }
    assert len(play(make_bars(rows), again).fills) == 1


# --- on_fill -------------------------------------------------------------------------------------
def test_on_fill_in_the_path_sees_earlier_bars_and_the_unslipped_price():
    seen = []

    def look(s, trade):
        seen.append((s.current_price, len(s.bars.close), trade["price"], trade["phase"]))

    bars = make_bars([CALM, (100.0, 100.0, 88.0, 95.0)])
    play(bars, {0: lambda s: s.buy(1.0, stop_loss=90.0)}, on_fill=look, slippage_bps=100.0)
    # Both engine and oracle were listened to.
    expected = [(100.0, 1, 101.0, "close"), (90.0, 1, pytest.approx(89.1), "path")]
    assert seen == expected * 2


def test_levels_set_in_on_fill_act_on_the_rest_of_the_path():
    # Bought at 95 on the way to 90; the stop of 92 set there is reached on the same way.
    bars = make_bars([CALM, (100.0, 100.0, 90.0, 99.0)])

    def protect(s, trade):
        if trade["action"] == "buy":
            assert s.set_stop_loss(92.0)

    for fields in ({}, NEXT_OPEN):
        played = play(bars, {0: lambda s: s.buy(1.0, limit=95.0)}, on_fill=protect, **fields)
        assert [row[3] for row in played.fills] == [95.0, 92.0]


def test_market_orders_in_on_fill_fill_at_the_close_before_on_data():
    bars = make_bars([CALM, (100.0, 100.0, 90.0, 97.0)])
    sizes = []

    def reverse(s, trade):
        if trade["reason"] == "stop_loss":
            assert s.buy(2.0)

    played = play(
        bars,
        {0: lambda s: s.buy(1.0, stop_loss=95.0), 1: lambda s: sizes.append(s.get_position_size())},
        on_fill=reverse,
    )
    assert played.fills[2] == (1, "buy", 2.0, 97.0, "order", "close")
    assert sizes == [2.0, 2.0]


def test_fills_made_by_on_fill_call_it_again_at_most_a_hundred_deep():
    bars = flat_bars([100.0])

    def again_until(limit):
        depths = []

        def again(s, trade):
            depths.append(len(s.portfolio.trades))
            if len(s.portfolio.trades) < limit:
                s.buy(0.01)

        return again

    played = play(bars, {0: lambda s: s.buy(0.01)}, on_fill=again_until(100))
    assert len(played.fills) == 100
    with pytest.raises(StrategyError):
        play(bars, {0: lambda s: s.buy(0.01)}, on_fill=again_until(101))


def test_on_fill_hears_of_both_halves_of_a_flip():
    heard = []
    play(
        flat_bars([100.0, 100.0]), {0: lambda s: s.buy(1.0), 1: lambda s: s.sell(3.0)},
        on_fill=lambda s, trade: heard.append((trade["position_type"], trade["quantity"])),
        **FUTURES,
    )  # fmt: skip
    assert heard == [("long", 1.0), ("long", 1.0), ("short", 2.0)] * 2


# --- strict orders -------------------------------------------------------------------------------
def test_a_strict_rejection_at_a_later_fill_ends_the_run():
    bars = make_bars([CALM, (110.0, 110.0, 110.0, 110.0)])

    def catches(s):
        try:
            s.buy(95.0)
        except InsufficientFundsError:
            pytest.fail("a queued order is not judged at the call")

    with pytest.raises(InsufficientFundsError):
        play(bars, {0: catches}, strict_orders=True, **NEXT_OPEN)
    with pytest.raises(InsufficientFundsError):
        play(bars, {0: lambda s: s.buy(95.0, stop=110.0)}, strict_orders=True)


def test_a_strict_rejection_at_the_call_can_be_caught():
    def caught(s):
        try:
            return s.buy(101.0)
        except InsufficientFundsError:
            return "caught"

    played = play(flat_bars([100.0]), {0: caught}, strict_orders=True)
    assert played.answers == ["caught"]
    assert played.rejected == [(0, "buy")]
