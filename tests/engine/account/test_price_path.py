"""The price path inside a bar. Every number is worked out in the test's comments."""

import numpy as np
import pytest

from engine.bars import Funding
from tests.engine.builders import START_MS, make_bars, run_script

FLAT = (100, 100, 100, 100)
FUTURES = {"trading_mode": "futures", "max_leverage": 10.0}


def fills(ledger):
    from engine.account.records import ACTIONS, PHASES, REASONS

    return [
        (ACTIONS[t["action"]], REASONS[t["reason"]], PHASES[t["phase"]], float(t["price"]))
        for t in ledger.trades
    ]


def test_a_long_sees_the_low_before_the_high():
    bars = make_bars([FLAT, (100, 120, 80, 100)])
    ledger, _ = run_script(bars, {0: lambda s: s.buy(1.0, stop_loss=90.0, take_profit=110.0)})
    assert fills(ledger)[1:] == [("sell", "stop_loss", "path", 90.0)]


def test_a_short_sees_the_high_before_the_low():
    bars = make_bars([FLAT, (100, 120, 80, 100)])
    ledger, _ = run_script(
        bars, {0: lambda s: s.sell(1.0, stop_loss=110.0, take_profit=90.0)}, **FUTURES
    )
    assert fills(ledger)[1:] == [("buy", "stop_loss", "path", 110.0)]


def test_when_flat_the_nearer_extreme_comes_first_and_a_tie_goes_to_the_low():
    def place(s):
        s.buy(1.0, limit=95.0)
        s.buy(1.0, stop=105.0)

    nearer_high = make_bars([FLAT, (100, 106, 90, 100)])
    assert [f[3] for f in fills(run_script(nearer_high, {0: place})[0])] == [105.0, 95.0]
    tie = make_bars([FLAT, (100, 110, 90, 100)])
    assert [f[3] for f in fills(run_script(tie, {0: place})[0])] == [95.0, 105.0]


def test_a_gap_through_a_stop_fills_at_the_open():
    bars = make_bars([FLAT, (85, 86, 84, 85)])
    ledger, _ = run_script(bars, {0: lambda s: s.buy(1.0, stop_loss=90.0)})
    assert fills(ledger)[1:] == [("sell", "stop_loss", "open", 85.0)]


def test_a_gap_through_a_take_profit_fills_at_the_better_open_without_slippage():
    bars = make_bars([FLAT, (115, 116, 114, 115)])
    ledger, _ = run_script(bars, {0: lambda s: s.buy(1.0, take_profit=110.0)}, slippage_bps=100.0)
    assert fills(ledger) == [
        ("buy", "order", "close", 101.0),
        ("sell", "take_profit", "open", 115.0),
    ]


def test_a_stop_takes_slippage_and_a_limit_does_not():
    bars = make_bars([FLAT, (100, 120, 100, 120), (120, 120, 80, 80)])

    def place(s):
        s.buy(1.0, stop=110.0)  # 110 x 1.01 = 111.1
        s.sell(1.0, limit=115.0)

    ledger, _ = run_script(bars, {0: place}, slippage_bps=100.0)
    assert fills(ledger) == [
        ("buy", "stop", "path", pytest.approx(111.1)),
        ("sell", "limit", "path", 115.0),
    ]


def test_a_trailing_stop_follows_the_high_and_fires_on_the_way_back():
    # Mark 100 at the close of bar 0. Bar 1: low 98 stays above 95, high 110 moves the mark,
    # so that 105 is reached between the high and the close at 101.
    bars = make_bars([FLAT, (100, 110, 98, 101)])

    def enter(s):
        s.buy(1.0)
        s.set_trailing_stop(5.0)

    ledger, _ = run_script(bars, {0: enter})
    assert fills(ledger)[1:] == [("sell", "trailing_stop", "path", 105.0)]


def test_a_long_is_liquidated_when_the_low_touches_its_price():
    # 10 at 100, leverage 10: margin 100, P = 900 / 9.95
    level = 900 / 9.95
    bars = make_bars([FLAT, (100, 120, level, 119)])
    ledger, _ = run_script(bars, {0: lambda s: s.buy(10.0, leverage=10.0)}, **FUTURES)
    assert fills(ledger)[1:] == [("liquidation", "liquidation", "path", level)]
    assert ledger.trades["gross"][1] == pytest.approx(10 * (level - 100))


def test_a_gap_through_the_liquidation_price_costs_the_margin_and_no_more():
    bars = make_bars([FLAT, (50, 60, 40, 55)])
    ledger, _ = run_script(bars, {0: lambda s: s.buy(10.0, leverage=10.0)}, **FUTURES)
    assert fills(ledger)[1:] == [("liquidation", "liquidation", "open", 50.0)]
    assert ledger.trades["gross"][1] == -100.0
    assert ledger.states["cash"][-1] == 9_900.0


def test_queued_orders_meet_a_flat_account_after_a_gap_liquidation():
    bars = make_bars([FLAT, FLAT, (50, 60, 40, 55)])
    script = {0: lambda s: s.buy(10.0, leverage=10.0), 1: lambda s: s.close_position()}
    ledger, results = run_script(bars, script, fill="next_open", **FUTURES)
    assert results == [True, True]
    assert [f[0] for f in fills(ledger)] == ["buy", "liquidation"]


def test_a_position_opened_beyond_its_own_stop_closes_at_once_at_that_price():
    bars = make_bars([FLAT, (100, 101, 90, 95)])
    ledger, _ = run_script(bars, {0: lambda s: s.buy(1.0, limit=95.0, stop_loss=97.0)})
    assert fills(ledger) == [
        ("buy", "limit", "path", 95.0),
        ("sell", "stop_loss", "path", 95.0),
    ]


def test_a_market_order_brings_its_stop_loss_and_its_take_profit():
    bars = make_bars([FLAT, (100, 106, 94, 100)])
    ledger, _ = run_script(bars, {0: lambda s: s.buy(1.0, stop_loss=95.0)})
    assert fills(ledger)[1:] == [("sell", "stop_loss", "path", 95.0)]
    ledger, _ = run_script(bars, {0: lambda s: s.buy(1.0, take_profit=105.0)})
    assert fills(ledger)[1:] == [("sell", "take_profit", "path", 105.0)]


@pytest.mark.parametrize(
    ("level", "price"), [("stop_loss", 95.0), ("take_profit", 105.0), ("trailing_stop", 5.0)]
)
def test_a_level_ends_with_its_position_and_leaves_the_next_one_alone(level, price):
    bars = make_bars([FLAT, (100, 106, 94, 100)])

    def enter_twice(s):
        s.buy(1.0)
        getattr(s, f"set_{level}")(price)
        s.close_position()
        s.buy(1.0)

    ledger, _ = run_script(bars, {0: enter_twice})
    assert [fill[0] for fill in fills(ledger)] == ["buy", "sell", "buy"]


def test_a_daily_bar_settles_funding_three_times():
    day = 86_400_000
    bars = make_bars([FLAT, (100, 100, 100, 100)], "1d")
    times = START_MS + day + np.array([1, day // 3 + 2, 2 * day // 3 + 3], np.int64)
    settled = Funding(times, np.array([0.001, 0.002, -0.0005]))
    config = {"trading_mode": "futures", "funding": True}
    ledger, _ = run_script(bars, {0: lambda s: s.buy(2.0)}, settled=settled, **config)
    # 200 notional x (0.001 + 0.002 - 0.0005)
    assert ledger.funding_paid == pytest.approx(0.5)
    assert ledger.states["realized"][-1] == pytest.approx(-0.5)
