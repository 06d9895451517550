"""Money rules of single fills, worked out on paper."""

import pytest

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


def test_an_opening_that_would_be_liquidated_at_once_is_rejected():
    # Slippage 10 %, leverage 10: entry 110, margin 11. P = 99 / (1 - m) against the price 100:
    # m = 0.005 gives 99.5; m = 0.01 gives 100, and touching counts.
    bars = flat_bars([100.0])
    for rate, taken in ((0.005, True), (0.01, False)):
        _, results = run_script(
            bars,
            {0: lambda s: s.buy(1.0, leverage=10.0)},
            slippage_bps=1_000.0,
            maintenance_margin_rate=rate,
            **FUTURES,
        )
        assert results == [taken]
