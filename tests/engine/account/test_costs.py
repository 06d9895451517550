import numpy as np

from engine.account.costs import funding_payment, settlement_bars, slipped
from engine.bars import Bars, Funding
from engine.enums import Timeframe

HOUR = 3_600_000


def test_slippage_moves_the_price_against_the_trader():
    assert slipped(100.0, 1, 0.25) == 125.0
    assert slipped(100.0, -1, 0.25) == 75.0


def test_a_long_pays_a_positive_rate_and_a_short_receives_it():
    assert funding_payment(2.0, 100.0, 0.0001) == 0.02
    assert funding_payment(-2.0, 100.0, 0.0001) == -0.02


def test_a_settlement_belongs_to_the_bar_that_holds_it_and_else_to_the_next():
    times = np.array([0, HOUR, 4 * HOUR], np.int64)  # 02:00 and 03:00 are missing
    ones = np.ones(3)
    bars = Bars("BTCUSDT", Timeframe.H1, times, ones, ones, ones, ones, ones)
    settled = Funding(
        np.array([-5, 0, HOUR + 1, 2 * HOUR, 4 * HOUR, 6 * HOUR], np.int64), np.zeros(6)
    )
    assert settlement_bars(bars, settled).tolist() == [0, 0, 1, 2, 2, 3]
