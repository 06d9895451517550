"""What a fill does to the account, one worked example per rule. Fees are 0 unless a test says so.

With a maintenance rate of 0.04 a 10x long at 100 has P = 93.75; a 2x short at a rate of 0.25 has
P = 120 (see test_bar_by_hand).
"""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import ValidationError
from tests.engine.builders import flat_bars, make_bars
from tests.engine.by_hand import play

FUTURES: dict[str, Any] = {"trading_mode": "futures"}
LONG_10X: dict[str, Any] = FUTURES | {"max_leverage": 10.0, "maintenance_margin_rate": 0.04}
SHORT_2X: dict[str, Any] = FUTURES | {"max_leverage": 2.0, "maintenance_margin_rate": 0.25}
CALM = (100.0, 100.0, 100.0, 100.0)


# --- liquidation ---------------------------------------------------------------------------------
def test_a_short_is_liquidated_when_the_high_touches_its_price():
    # 120 costs 20 of the margin of 50, and a fee of 0.12; 0.1 was the entry's.
    played = play(
        make_bars([CALM, (100.0, 120.0, 100.0, 101.0)]), {0: lambda s: s.sell(1.0, 2.0)},
        fee_rate=0.001, **SHORT_2X,
    )  # fmt: skip
    assert played.fills[1] == (1, "liquidation", 1.0, 120.0, "liquidation", "path")
    assert played.column("fee")[1] == pytest.approx(0.12, rel=1e-12)
    assert played.column("pnl")[1] == pytest.approx(-20.0 - 0.12 - 0.1, rel=1e-12)
    assert played.column("cash")[1] == pytest.approx(10_000.0 - 20.22, rel=1e-12)


def test_a_short_of_1x_is_liquidated_too_and_a_long_of_1x_never():
    # Short: (100 + 100) / 1.04 = 192.3076...
    bars = make_bars([CALM, (100.0, 200.0, 0.01, 100.0)])
    played = play(bars, {0: lambda s: s.sell(1.0)}, **LONG_10X)
    assert played.fills[1][3] == pytest.approx(200.0 / 1.04, rel=1e-12)
    assert len(play(bars, {0: lambda s: s.buy(1.0)}, **LONG_10X).fills) == 1


def test_spot_is_never_liquidated():
    played = play(make_bars([CALM, (100.0, 100.0, 0.001, 0.001)]), {0: lambda s: s.buy(100.0)})
    assert len(played.fills) == 1
    assert played.column("portfolio_value")[1] == pytest.approx(0.1, rel=1e-9)


def test_the_fee_of_a_liquidation_is_at_most_what_is_left_of_the_margin():
    # Left: 10 - 6.25 = 3.75; the fee would be 93.75 x 0.1.
    played = play(
        make_bars([CALM, (100.0, 100.0, 90.0, 90.0)]), {0: lambda s: s.buy(1.0, 10)},
        fee_rate=0.1, **LONG_10X,
    )  # fmt: skip
    assert played.column("fee") == pytest.approx([10.0, 3.75], rel=1e-12)
    assert played.column("cash") == pytest.approx([9_980.0, 9_980.0], rel=1e-12)


def test_a_partial_close_leaves_the_liquidation_price_where_it_was():
    bars = make_bars([CALM, (100.0, 100.0, 94.0, 95.0), (95.0, 95.0, 93.75, 95.0)])
    played = play(
        bars, {0: lambda s: s.buy(4.0, 10), 1: lambda s: s.close_position(50.0)}, **LONG_10X
    )
    assert played.fills[2] == (2, "liquidation", 2.0, 93.75, "liquidation", "path")


def test_an_add_moves_the_liquidation_price():
    # 1 at 100 (10) and 1 at 100 at 2x (50): (200 - 60) / (2 x 0.96) = 72.9166...
    bars = make_bars([CALM, (100.0, 100.0, 72.0, 95.0)])
    played = play(bars, {0: lambda s: [s.buy(1.0, 10), s.buy(1.0, 2)]}, **LONG_10X)
    assert played.fills[2][2:4] == (2.0, pytest.approx(140.0 / 1.92, rel=1e-12))
    assert played.column("leverage_ratio")[0] == pytest.approx(200.0 / 60.0, rel=1e-12)


# --- opening -------------------------------------------------------------------------------------
def test_the_leverage_of_a_position_is_its_entry_notional_over_its_margin():
    # 100 at 2x and 110 at 10x: 210 / (50 + 11)
    played = play(
        flat_bars([100.0, 110.0]), {0: lambda s: s.buy(1.0, 2), 1: lambda s: s.buy(1.0, 10)},
        **LONG_10X,
    )  # fmt: skip
    assert played.column("leverage") == [2.0, 10.0]
    assert played.column("leverage_ratio")[1] == pytest.approx(210.0 / 61.0, rel=1e-12)
    assert played.column("cash")[1] == pytest.approx(10_000.0 - 61.0, rel=1e-12)


def test_an_opening_needs_margin_and_fee_in_cash():
    # 90 x 100 = 9000, at 1x with 10 %: 9900. 91 would need 10010.
    played = play(flat_bars([100.0]), {0: lambda s: [s.buy(91.0), s.buy(90.0)]}, fee_rate=0.1)
    assert played.answers == [[False, True]]
    assert played.column("cash") == pytest.approx([100.0], rel=1e-9)


def test_a_need_within_a_billionth_of_the_cash_is_met_and_leaves_nothing():
    # Needs 10,000.000005 of 10,000 with a tolerance of 0.00001; then 10,000.0001.
    played = play(flat_bars([100.0]), {0: lambda s: s.buy(100.00000005)})
    assert played.answers == [True]
    assert played.column("cash") == [0.0]
    assert play(flat_bars([100.0]), {0: lambda s: s.buy(100.000001)}).answers == [False]


def test_an_add_that_would_be_liquidated_at_once_is_rejected():
    # At 8 % slippage entry is 108: 1 at 1x, then 100 at 10x. Margin 108 + 1080, so
    # P = (101 x 108 - 1188) / (101 x 0.96) = 100.24..., beyond the unslipped 100. 7 %: 99.3...
    def both(s):
        return [s.buy(1.0), s.buy(100.0, 10)]

    bars = flat_bars([100.0])
    assert play(bars, {0: both}, slippage_bps=800.0, **LONG_10X).answers == [[True, False]]
    assert play(bars, {0: both}, slippage_bps=700.0, **LONG_10X).answers == [[True, True]]


# --- reducing ------------------------------------------------------------------------------------
def test_a_stop_that_slips_beyond_the_margin_loses_the_margin_and_charges_what_is_there():
    # Bought at 110 (10 % slippage) at 4x: margin 110, P = (440 - 110) / (4 x 0.96) = 85.93...
    bars = make_bars([CALM, (100.0, 100.0, 88.0, 90.0)])
    played = play(
        bars, {0: lambda s: s.buy(4.0, 4, stop_loss=90.0)}, slippage_bps=1000.0,
        initial_capital=110.0, **LONG_10X,
    )  # fmt: skip
    # The stop at 90 slips to 81: gross = 4 x (81 - 110) = -116, bounded by the margin.
    assert played.fills[1][3] == pytest.approx(81.0, rel=1e-12)
    assert played.column("pnl")[1] == pytest.approx(-110.0, rel=1e-12)
    assert played.column("portfolio_value")[1] == pytest.approx(0.0, abs=1e-9)


def test_a_closing_fee_is_at_most_what_there_is():
    # Margin 50 and no cash but 1; sold at 55: gross -45, so 1 + 50 - 45 = 6; 10 % of 55 is 5.5.
    # Sold at 51: gross -49 leaves 2, and the fee is those 2 instead of 5.1.
    def sell_at(price):
        return play(
            flat_bars([100.0, price]), {0: lambda s: s.buy(1.0, 2), 1: lambda s: s.sell(1.0)},
            initial_capital=61.0, fee_rate=0.1, max_leverage=2.0, **FUTURES,
        )  # fmt: skip

    assert sell_at(55.0).column("fee") == pytest.approx([10.0, 5.5], rel=1e-12)
    assert sell_at(51.0).column("fee") == pytest.approx([10.0, 2.0], rel=1e-12)
    assert sell_at(51.0).column("cash")[1] == pytest.approx(0.0, abs=1e-9)


def test_thirds_of_a_position_add_up_to_the_whole():
    # 0.3 - 0.1 - 0.1 leaves a hair less than 0.1: selling 0.1 of that is closing it.
    played = play(flat_bars([100.0]), {0: lambda s: [s.buy(0.3), *(s.sell(0.1) for _ in "abc")]})
    assert played.answers == [[True, True, True, True]]
    assert played.results.columns.position_size[0] == 0.0


# --- flips ---------------------------------------------------------------------------------------
def test_a_flip_closes_and_opens_at_one_price_with_two_fees():
    # Long 2 at 100 (fee 2), sold 5 at 110 for 1 %: closes 2 (gross 20, fee 2.2), opens 3 short
    # (fee 3.3).
    played = play(
        flat_bars([100.0, 110.0]), {0: lambda s: s.buy(2.0), 1: lambda s: s.sell(5.0)},
        fee_rate=0.01, **FUTURES,
    )  # fmt: skip
    assert [row[:4] for row in played.fills[1:]] == [
        (1, "sell", 2.0, 110.0), (1, "sell", 3.0, 110.0),
    ]  # fmt: skip
    assert list(played.results.trades["position_type"]) == ["long", "long", "short"]
    assert played.column("fee") == pytest.approx([2.0, 2.2, 3.3], rel=1e-12)
    assert played.column("pnl") == pytest.approx([0.0, 15.8, 0.0], rel=1e-12)
    assert played.column("cash")[1] == pytest.approx(10_000 - 2 + 20 - 2.2 - 3.3 - 330, rel=1e-12)


def test_the_opening_half_of_a_flip_uses_the_orders_leverage():
    played = play(
        flat_bars([100.0, 100.0]), {0: lambda s: s.buy(1.0, 2), 1: lambda s: s.sell(2.0, 5)},
        **LONG_10X,
    )  # fmt: skip
    assert played.column("leverage") == pytest.approx([2.0, 2.0, 5.0], rel=1e-12)


def test_a_flip_counts_as_a_whole_against_the_size_limit():
    bars = flat_bars([1e-9, 1e-9])
    played = play(bars, {0: lambda s: s.buy(0.6e12), 1: lambda s: s.sell(1.1e12)}, **FUTURES)
    assert played.answers == [True, False]
    assert played.rejected == [(1, "sell")]


def test_spot_does_not_sell_what_it_does_not_hold():
    played = play(
        flat_bars([100.0, 100.0]),
        {0: lambda s: [s.sell(1.0), s.buy(1.0)], 1: lambda s: [s.sell(1.5), s.sell(1.0)]},
    )
    assert played.answers == [[False, True], [False, True]]
    assert played.rejected == [(0, "sell"), (1, "sell")]


# --- target_percent ------------------------------------------------------------------------------
def test_a_leveraged_target_is_k_times_the_value_after_the_fee():
    # k = 0.5 x 4 = 2, f = 1 %: T = 2 x 1000 / (100 x 1.02) = 19.6078..., fee 19.6078...,
    # and 1960.78 is twice the 980.39 that are left. Margin 1960.78 / 4.
    played = play(
        flat_bars([100.0]), {0: lambda s: s.target_percent(50.0, 4)}, initial_capital=1_000.0,
        fee_rate=0.01, **LONG_10X,
    )  # fmt: skip
    size = 2_000.0 / 102.0
    assert played.fills[0][2] == pytest.approx(size, rel=1e-12)
    assert size * 100.0 == pytest.approx(2.0 * played.column("portfolio_value")[0], rel=1e-12)
    assert played.column("margin_used")[0] == pytest.approx(size * 25.0, rel=1e-12)


def test_a_negative_target_is_a_short():
    # k = s = -1: T = -1000 / (100 x 1.01); the fee of 9.90 leaves 990.10, which is its notional.
    played = play(
        flat_bars([100.0]), {0: lambda s: s.target_percent(-100.0)}, initial_capital=1_000.0,
        fee_rate=0.01, **FUTURES,
    )  # fmt: skip
    assert played.fills[0][1:3] == ("sell", pytest.approx(1_000.0 / 101.0, rel=1e-12))
    assert played.column("portfolio_value")[0] == pytest.approx(1_000.0 / 1.01, rel=1e-12)


def test_a_smaller_target_sells_down_to_its_share_of_what_the_fee_leaves():
    # Long 10 at 100, V = 1990. k = 0.25: T = 0.25 (1990 - 0.01 x 1000) / (100 x 0.9975) = 4.9624...
    played = play(
        flat_bars([100.0]), {0: lambda s: [s.buy(10.0), s.target_percent(25.0)]},
        initial_capital=2_000.0, fee_rate=0.01,
    )  # fmt: skip
    kept = 0.25 * 1_980.0 / 99.75
    assert played.fills[1][1:3] == ("sell", pytest.approx(10.0 - kept, rel=1e-12))
    assert kept * 100.0 == pytest.approx(0.25 * played.column("portfolio_value")[0], rel=1e-12)


def test_an_increase_that_cash_cannot_carry_is_cut_to_what_it_can():
    # 900 of 1000 are margin. k = 2 wants 11 more at 2x, 550; the 100 left carry 2.
    played = play(
        flat_bars([100.0]), {0: lambda s: [s.buy(9.0), s.target_percent(100.0, 2)]},
        initial_capital=1_000.0, **LONG_10X,
    )  # fmt: skip
    assert played.answers == [[True, True]]
    assert played.fills[1][1:3] == ("buy", pytest.approx(2.0, rel=1e-12))
    assert played.column("cash")[0] == pytest.approx(0.0, abs=1e-9)


def test_an_increase_without_any_cash_is_nothing_to_do():
    played = play(
        flat_bars([100.0]), {0: lambda s: [s.buy(10.0), s.target_percent(100.0, 2)]},
        initial_capital=1_000.0, **LONG_10X,
    )  # fmt: skip
    assert played.answers == [[True, True]]
    assert played.rejected == []
    assert len(played.fills) == 1


def test_a_target_through_zero_that_cash_cannot_carry_flips_to_what_it_can():
    # Long 5 at 1x of 1000; at 80, V = 900. k = -1 wants -11.25: 16.25 less. Closing gives
    # 500 + 500 - 100 = 900 in cash, and 11.25 x 80 = 900 at 1x: carried exactly.
    # At 10 % slippage the price is 72: T = -900 / 72 = -12.5, closing leaves 1000 - 140 = 860,
    # which carries 860 / 72 = 11.944...
    played = play(
        flat_bars([100.0, 80.0]), {0: lambda s: s.buy(5.0), 1: lambda s: s.target_percent(-100.0)},
        initial_capital=1_000.0, **FUTURES,
    )  # fmt: skip
    assert [row[2] for row in played.fills] == pytest.approx([5.0, 5.0, 11.25], rel=1e-12)
    bars = flat_bars([100.0, 80.0])
    played = play(
        bars, {0: lambda s: s.buy(4.0, limit=100.0), 1: lambda s: s.target_percent(-100.0)},
        initial_capital=1_000.0, slippage_bps=1000.0, **FUTURES,
    )  # fmt: skip
    assert played.fills == [(1, "buy", 4.0, 80.0, "limit", "open"), *played.fills[1:]]
    # V = 1000 at 80: T = -1000 / 72 = -13.888...; closing 4 at 72 leaves 1000 - 32 = 968.
    assert [row[2] for row in played.fills[1:]] == pytest.approx([4.0, 968.0 / 72.0], rel=1e-12)


def test_slippage_counts_into_a_target():
    # p = 101: all of 1000 buys 1000 / 101.
    played = play(
        flat_bars([100.0]), {0: lambda s: s.target_percent(100.0)}, initial_capital=1_000.0,
        slippage_bps=100.0,
    )  # fmt: skip
    assert played.fills[0][2:4] == (pytest.approx(1_000.0 / 101.0), pytest.approx(101.0))


def test_a_target_that_no_quantity_reaches_is_rejected():
    # 12x of what a fee of 10 % leaves is held; selling down to 10x costs 10 times its fee.
    played = play(
        flat_bars([100.0]),
        {0: lambda s: [s.buy(54.5, 12), s.target_percent(100.0, 10)]},
        initial_capital=1_000.0, fee_rate=0.1, trading_mode="futures", max_leverage=20.0,
    )  # fmt: skip
    assert played.answers == [[True, False]]
    assert played.rejected == [(0, "target_percent")]


def test_a_target_asked_for_again_is_nothing_to_do_whatever_the_fee():
    # At 50x and a fee of 10 % no further sale would reach it, and none is needed.
    played = play(
        flat_bars([268.7419340115566]), {0: lambda s: [s.target_percent(-50.0, 100) for _ in "ab"]},
        fee_rate=0.1, trading_mode="futures", max_leverage=100.0, maintenance_margin_rate=0.001,
    )  # fmt: skip
    assert played.answers == [[True, True]]
    assert len(played.fills) == 1
    assert played.rejected == []


def test_a_target_that_is_met_within_the_smallest_order_is_nothing_to_do():
    # The difference is 0.000005 of the base.
    played = play(flat_bars([100.0]), {0: lambda s: [s.buy(49.999995), s.target_percent(50.0)]})
    assert played.answers == [[True, True]]
    assert len(played.fills) == 1


def test_a_target_of_zero_when_flat_is_nothing_to_do_and_true():
    played = play(flat_bars([100.0]), {0: lambda s: s.target_percent(0.0)})
    assert played.answers == [True]
    assert played.rejected == []


def test_closings_know_no_size_limits():
    # Two times 900,000 are held: more than an order may be, and closed by one.
    bars = flat_bars([0.001, 0.001])
    played = play(
        bars,
        {0: lambda s: [s.buy(900_000.0), s.buy(900_000.0)], 1: lambda s: s.target_percent(0.0)},
    )
    assert played.fills[2][1:3] == ("sell", 1_800_000.0)
    # A thousandth of a percent of 0.01 is less than an order may be.
    played = play(flat_bars([100.0]), {0: lambda s: [s.buy(0.01), s.close_position(0.001)]})
    assert played.fills[1][2] == pytest.approx(1e-7, rel=1e-9)


def test_a_spot_target_below_zero_is_malformed():
    with pytest.raises(ValidationError, match="percent"):
        play(flat_bars([100.0]), {0: lambda s: s.target_percent(-1.0)})


# --- round trips ---------------------------------------------------------------------------------
def test_excursions_stop_at_the_exit_and_begin_at_the_entry():
    # Flat, and the high is nearer: O 100 -> H 104 -> L 90 -> C 100. Bought at 95 going down, so
    # the 104 was before; then 90, 100, the next open of 101, and on the way to its low the stop
    # at 89: the high of 120 came too late.
    bars = make_bars([CALM, (100.0, 104.0, 90.0, 100.0), (101.0, 120.0, 88.0, 110.0)])
    played = play(bars, {0: lambda s: s.buy(2.0, limit=95.0), 1: lambda s: s.set_stop_loss(89.0)})
    assert played.fills[0][5] == "path"
    trip = played.results.round_trips.iloc[0]
    assert trip["mae"] == pytest.approx(2.0 * (89.0 - 95.0))
    assert trip["mfe"] == pytest.approx(2.0 * (101.0 - 95.0))
    assert (trip["bars_held"], trip["exit_reason"]) == (1, "stop_loss")


def test_a_position_opened_and_closed_at_one_close_has_seen_one_price():
    played = play(
        make_bars([(100.0, 120.0, 80.0, 100.0)]), {0: lambda s: [s.buy(1.0), s.sell(1.0)]}
    )
    trip = played.results.round_trips.iloc[0]
    assert (trip["mae"], trip["mfe"], trip["bars_held"]) == (0.0, 0.0, 0)


def test_the_excursions_of_a_short_are_the_other_way_round():
    bars = make_bars([CALM, (100.0, 112.0, 93.0, 95.0)])
    played = play(bars, {0: lambda s: s.sell(1.0), 1: lambda s: s.close_position()}, **FUTURES)
    trip = played.results.round_trips.iloc[0]
    assert (trip["mae"], trip["mfe"]) == (pytest.approx(-12.0), pytest.approx(7.0))
    assert trip["return_pct"] == pytest.approx(5.0)


# --- runs at the edge ----------------------------------------------------------------------------
def test_a_run_of_one_bar():
    played = play(make_bars([(100.0, 110.0, 90.0, 105.0)]), {0: lambda s: s.buy(1.0)})
    assert played.column("portfolio_value") == [10_000.0]
    assert played.results.metrics["exposure_time"] == 100.0
    assert played.results.metrics["buy_and_hold_return"] == pytest.approx(5.0)


def test_a_run_without_trades_defines_no_figure_of_trades():
    metrics = play(flat_bars([100.0] * 72), {}).results.metrics
    assert (metrics["total_return"], metrics["max_drawdown"], metrics["cagr"]) == (0.0, 0.0, 0.0)
    assert (metrics["volatility"], metrics["exposure_time"], metrics["fees_paid"]) == (0, 0, 0)
    for name in (
        "win_rate", "profit_factor", "avg_win", "avg_loss", "expectancy", "best_trade",
        "worst_trade", "avg_leverage", "max_leverage", "sqn", "sharpe_ratio", "sortino_ratio",
        "calmar_ratio",
    ):  # fmt: skip
        assert metrics[name] is None, name


def test_a_flat_market_costs_the_fees_and_nothing_else():
    there_and_back = {i: lambda s: [s.buy(1.0), s.sell(1.0)] for i in range(4)}
    played = play(flat_bars([100.0] * 8), there_and_back, fee_rate=0.001)
    assert played.column("portfolio_value")[-1] == pytest.approx(10_000.0 - 8 * 0.1, rel=1e-12)
    assert played.results.metrics["win_rate"] == 0.0


def test_a_total_loss_leaves_nothing_and_refuses_whatever_comes_after():
    # All of 1000 at 10x; the gap takes the whole margin.
    rows = [CALM, (50.0, 50.0, 50.0, 50.0), (60.0, 60.0, 60.0, 60.0)]
    played = play(
        make_bars(rows, "1d"),
        {0: lambda s: s.buy(100.0, 10), 2: lambda s: [s.buy(1.0), s.target_percent(50.0)]},
        initial_capital=1_000.0, **LONG_10X,
    )  # fmt: skip
    assert played.column("portfolio_value") == [1_000.0, 0.0, 0.0]
    assert played.answers == [True, [False, True]]
    metrics = played.results.metrics
    assert (metrics["total_return"], metrics["cagr"]) == (-100.0, -100.0)
    assert (metrics["max_drawdown"], metrics["calmar_ratio"]) == (-100.0, -1.0)
    for name in ("sharpe_ratio", "sortino_ratio", "volatility", "value_at_risk_95"):
        assert metrics[name] is None


def test_a_run_that_ends_with_an_open_position_marks_it_and_closes_nothing():
    played = play(flat_bars([100.0, 130.0]), {0: lambda s: s.buy(2.0)})
    assert played.column("unrealized_pnl")[1] == 60.0
    assert played.results.metrics["closed_trades"] == 0
    assert played.results.metrics["win_rate"] is None
    assert played.results.metrics["total_return"] == pytest.approx(0.6)
