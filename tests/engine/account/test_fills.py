"""Money rules of single fills, worked out on paper."""

import numpy as np
import pytest

from engine.analysis.accounting import portfolio_columns
from tests.engine.builders import flat_bars, run_script

FUTURES = {"trading_mode": "futures", "max_leverage": 10.0}


def states(ledger, field):
    return [float(value) for value in ledger.states[field]]


def test_adding_averages_the_entry_and_sums_the_margin():
    bars = flat_bars([100.0, 130.0])
    script = {0: lambda s: s.buy(2.0, leverage=2.0), 1: lambda s: s.buy(1.0, leverage=10.0)}
    ledger, _ = run_script(bars, script, **FUTURES)
    # entry (2 x 100 + 1 x 130) / 3 = 110; margin 100 + 13
    assert states(ledger, "entry_price") == [100.0, 110.0]
    assert states(ledger, "margin") == [100.0, 113.0]


def test_a_partial_close_releases_its_share_of_margin_and_entry_fees():
    bars = flat_bars([100.0, 110.0])
    script = {0: lambda s: s.buy(4.0), 1: lambda s: s.close_position(25.0)}
    ledger, _ = run_script(bars, script, fee_rate=0.01)
    # cash 10000 - 400 - 4 = 9596; closing 1: + 100 + 10 - 1.1 = 9704.9
    assert states(ledger, "cash") == [9_596.0, pytest.approx(9_704.9)]
    # gross 10 - exit fee 1.1 - a quarter of the entry fee 4
    assert ledger.trades["pnl"][1] == pytest.approx(7.9)
    assert states(ledger, "size") == [4.0, 3.0]


def test_a_flip_whose_opening_half_cannot_be_carried_does_nothing():
    bars = flat_bars([100.0, 100.0])
    script = {0: lambda s: s.buy(50.0), 1: lambda s: s.sell(500.0)}
    ledger, results = run_script(bars, script, **FUTURES)
    assert results == [True, False]
    assert len(ledger.trades) == 1


def test_a_flip_sees_the_cash_of_its_closing_half():
    bars = flat_bars([100.0, 100.0])
    script = {0: lambda s: s.buy(100.0), 1: lambda s: s.sell(200.0)}
    ledger, results = run_script(bars, script, **FUTURES)
    assert results == [True, True]
    assert ledger.trades["closing"].tolist() == [0, 1, 0]
    assert states(ledger, "size") == [100.0, 0.0, -100.0]


def test_a_loss_beyond_the_margin_is_not_the_traders():
    # Short 10 at 100, leverage 10, margin 100; the gap to 200 loses 1000 on paper.
    bars = flat_bars([100.0, 200.0])
    ledger, _ = run_script(bars, {0: lambda s: s.sell(10.0, leverage=10.0)}, **FUTURES)
    assert ledger.trades["gross"].tolist() == [0.0, -100.0]
    assert states(ledger, "cash")[-1] == 9_900.0


def test_a_remainder_of_a_billionth_is_closed_with_the_rest():
    bars = flat_bars([100.0, 100.0])
    script = {0: lambda s: s.buy(1.0), 1: lambda s: s.sell(1.0 - 1e-10)}
    ledger, _ = run_script(bars, script)
    assert states(ledger, "size")[-1] == 0.0
    assert ledger.trades["quantity"][1] == 1.0


# 1e9 / 2**20 coins: a billionth of them is 2**-20, exactly.
MANY, BILLIONTH = 1e9 / 2**20, 2.0**-20


@pytest.mark.parametrize(
    ("sold", "left"),
    [
        (MANY - BILLIONTH, 0.0),
        (MANY + BILLIONTH, 0.0),
        (MANY - 2 * BILLIONTH, 2 * BILLIONTH),
        (MANY + 2 * BILLIONTH, MANY),  # refused: spot holds less
    ],
)
def test_a_sale_closes_all_of_what_it_misses_by_a_billionth_and_no_more(sold, left):
    script = {0: lambda s: [s.buy(MANY), s.sell(sold)]}
    ledger, _ = run_script(flat_bars([1.0]), script)
    assert states(ledger, "size")[-1] == left


@pytest.mark.parametrize(
    ("percent", "left"), [(99.9999999, 0.0), (99.9999998, pytest.approx(2 * BILLIONTH))]
)
def test_closing_a_percentage_closes_all_where_a_billionth_would_be_left(percent, left):
    script = {0: lambda s: [s.buy(MANY), s.close_position(percent)]}
    ledger, _ = run_script(flat_bars([1.0]), script)
    assert states(ledger, "size")[-1] == left


def test_the_fee_of_a_flips_closing_half_is_gone_before_its_opening_half():
    # Capital 1000, fee 1 %. Buy 9 at 100: margin 900, fee 9, cash 91. Selling 18.75 closes the 9:
    # 91 + 900 - 9 = 982 is free, and opening 9.75 needs 975 + 9.75 = 984.75: refused.
    bars = flat_bars([100.0, 100.0])
    script = {0: lambda s: s.buy(9.0), 1: lambda s: [s.sell(18.75), s.sell(18.7)]}
    ledger, results = run_script(bars, script, initial_capital=1_000.0, fee_rate=0.01, **FUTURES)
    # Opening 9.7 needs 970 + 9.7 = 979.7: that leaves 2.3.
    assert results == [True, [False, True]]
    assert "needs 984.75 for margin and fee, 982.00 is free" in ledger.rejected_first[0].reason
    assert states(ledger, "cash") == pytest.approx([91.0, 982.0, 2.3])


@pytest.mark.parametrize(
    ("side", "rate", "taken"),
    [
        ("buy", 15 / 32, False),
        ("buy", 14 / 32, True),
        ("sell", 13 / 32, False),
        ("sell", 12 / 32, True),
    ],
)
def test_an_opening_whose_liquidation_price_touches_the_price_is_rejected(side, rate, taken):
    # Every number is exact in binary: price 64, slippage 1/16, leverage 2.
    # Long: entry 68, margin 34, P = 34 / (1 - m): 64 at m = 15/32, 60.4 at m = 14/32.
    # Short: entry 60, margin 30, P = 90 / (1 + m): 64 at m = 13/32, 65.5 at m = 12/32.
    _, results = run_script(
        flat_bars([64.0]),
        {0: lambda s: getattr(s, side)(1.0, leverage=2.0)},
        trading_mode="futures",
        max_leverage=2.0,
        maintenance_margin_rate=rate,
        slippage_bps=625.0,
    )
    assert results == [taken]


def test_adding_is_judged_by_the_liquidation_price_of_the_whole_position():
    # As above, m = 15/32: alone at leverage 2 the long of 68 would be liquidated at 64. With 1 held
    # from 68 at leverage 1 the whole has margin 68 + 34 = 102: P = (136 - 102) / (2 x 17/32) = 32.
    _, results = run_script(
        flat_bars([64.0]),
        {0: lambda s: [s.buy(1.0), s.buy(1.0, leverage=2.0)]},
        trading_mode="futures",
        max_leverage=2.0,
        maintenance_margin_rate=15 / 32,
        slippage_bps=625.0,
    )
    assert results == [[True, True]]


def test_what_the_tolerance_of_funds_lets_pass_is_missing_from_the_margin():
    # Capital 1000, fee 1 %, price 100: 10 / 1.01 coins need exactly the cash. A few billionths
    # of cash more are carried: the fee is paid whole and the margin is what it leaves.
    quantity = 10.0 / 1.01 * (1.0 + 8e-10)
    fee = quantity * 100.0 * 0.01
    ledger, results = run_script(
        flat_bars([100.0]),
        {0: lambda s: s.buy(quantity)},
        initial_capital=1_000.0,
        fee_rate=0.01,
    )
    assert results == [True]
    assert states(ledger, "cash") == [0.0]
    assert states(ledger, "margin") == [1_000.0 - fee]


def test_the_tolerance_of_funds_makes_no_money_in_ten_thousand_orders():
    # Each buys for the billionth of cash that is not there; in all that would be 9e-6 of it.
    def round_after_round(s):
        for _ in range(5):
            assert s.buy(s.get_cash() * (1.0 + 9e-10) / (100.0 * 1.000001))
            assert s.close_position()

    bars = flat_bars([100.0] * 2_000)
    script = dict.fromkeys(range(2_000), round_after_round)
    ledger, _ = run_script(bars, script, fee_rate=1e-6)
    columns = portfolio_columns(ledger, bars)
    assert len(ledger.trades) == 20_000
    parts = 10_000.0 + columns.realized_pnl + columns.unrealized_pnl
    assert np.abs(columns.portfolio_value - parts).max() <= 1e-9 * columns.portfolio_value.min()


def test_a_fee_that_takes_all_of_next_to_no_cash_leaves_no_margin_to_open_with():
    # All cash is posted; the next order needs 2e-10, less than the tolerance of 1e-9.
    script = {0: lambda s: s.buy(10.0), 1: lambda s: s.buy(0.00001)}
    ledger, results = run_script(
        flat_bars([100.0, 0.00002]), script, fee_rate=0.0, initial_capital=1_000.0
    )
    assert results == [True, False]
    assert "insufficient cash" in ledger.rejected_first[0].reason
