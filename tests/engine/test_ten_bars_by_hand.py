"""Two whole runs of ten bars, every cell of their portfolio worked out on paper."""

from __future__ import annotations

import numpy as np
import pytest

from engine.bars import Funding
from tests.engine.builders import START_MS, make_bars
from tests.engine.by_hand import Played, play

HOUR_MS = 3_600_000


def exactly(*numbers: float) -> object:
    return pytest.approx(list(numbers), rel=1e-12, abs=1e-9)


@pytest.fixture(scope="module")
def spot() -> Played:
    """Capital 1,000, fee 1 %, orders at the close.

    bar close  what happens                        cash     margin   size  unrealised
     0   100                                       1000          0      0       0
     1   110   buy 4: 440 and 4.40 fee              555.6      440      4       0
     2   120                                        555.6      440      4      40
     3   100   buy 2: 200 and 2 fee                 353.6      640      6     -40
     4    90                                        353.6      640      6    -100
     5   100   close half: 3 x (100 - 106.67) = -20
               released 320, fee 3                  650.6      320      3     -20
     6   120   sell 4: more than is held            650.6      320      3      40
     7   130   sell 3: gross 70, fee 3.90          1036.7        0      0       0
     8   125   buy 8: 1000 and 10 fee                26.7     1000      8       0
     9   140   still open                            26.7     1000      8     120
    """
    closes = [100.0, 110.0, 120.0, 100.0, 90.0, 100.0, 120.0, 130.0, 125.0, 140.0]
    opens = [100.0, *closes[:-1]]
    bars = make_bars([(o, max(o, c), min(o, c), c) for o, c in zip(opens, closes, strict=True)])
    script = {
        1: lambda s: s.buy(4.0),
        3: lambda s: s.buy(2.0),
        5: lambda s: s.close_position(50.0),
        6: lambda s: s.sell(4.0),
        7: lambda s: s.sell(3.0),
        8: lambda s: s.buy(8.0),
    }
    return play(bars, script, initial_capital=1_000.0, fee_rate=0.01)


def test_the_trades_of_ten_spot_bars(spot: Played):
    assert [row[:4] for row in spot.fills] == [
        (1, "buy", 4.0, 110.0),
        (3, "buy", 2.0, 100.0),
        (5, "sell", 3.0, 100.0),
        (7, "sell", 3.0, 130.0),
        (8, "buy", 8.0, 125.0),
    ]
    assert spot.column("fee") == exactly(4.4, 2.0, 3.0, 3.9, 10.0)
    # Half of the entry fees of 6.40 each: -20 - 3 - 3.2 and 70 - 3.9 - 3.2
    assert spot.column("pnl") == exactly(0.0, 0.0, -26.2, 62.9, 0.0)
    assert spot.answers == [True, True, True, False, True, True]
    assert spot.rejected == [(6, "sell")]


def test_the_account_of_ten_spot_bars(spot: Played):
    assert spot.column("cash") == exactly(
        1000.0, 555.6, 555.6, 353.6, 353.6, 650.6, 650.6, 1036.7, 26.7, 26.7
    )
    assert spot.column("margin_used") == exactly(0, 440, 440, 640, 640, 320, 320, 0, 1000, 1000)
    assert spot.column("unrealized_pnl") == exactly(0, 0, 40, -40, -100, -20, 40, 0, 0, 120)
    assert spot.column("realized_pnl") == exactly(
        0.0, -4.4, -4.4, -6.4, -6.4, -29.4, -29.4, 36.7, 26.7, 26.7
    )
    assert spot.column("portfolio_value") == exactly(
        1000.0, 995.6, 1035.6, 953.6, 893.6, 950.6, 1010.6, 1036.7, 1026.7, 1146.7
    )
    assert spot.column("leverage_ratio") == exactly(0, 1, 1, 1, 1, 1, 1, 0, 1, 1)


def test_the_figures_of_ten_spot_bars(spot: Played):
    metrics = spot.results.metrics
    assert metrics["total_return"] == pytest.approx(14.67)
    assert metrics["buy_and_hold_return"] == pytest.approx(40.0)
    assert (metrics["total_trades"], metrics["closed_trades"], metrics["bars"]) == (5, 2, 10)
    assert metrics["win_rate"] == 50.0
    assert metrics["profit_factor"] == pytest.approx(62.9 / 26.2)
    assert metrics["expectancy"] == pytest.approx((62.9 - 26.2) / 2)
    assert metrics["fees_paid"] == pytest.approx(23.3)
    assert metrics["rejected_orders"] == 1
    assert metrics["exposure_time"] == pytest.approx(80.0)
    # From the 1035.60 of bar 2 to 893.60; regained by the 1036.70 of bar 7, five hours later.
    assert metrics["max_drawdown"] == pytest.approx((893.6 / 1035.6 - 1.0) * 100.0)
    assert metrics["max_drawdown_duration"] == pytest.approx(5.0 / 24.0)
    # One day of data: nothing can be said about its days, and no year be made of ten hours.
    for name in ("sharpe_ratio", "sortino_ratio", "volatility", "cagr", "calmar_ratio"):
        assert metrics[name] is None


def test_the_round_trips_of_ten_spot_bars(spot: Played):
    trips = spot.results.round_trips
    entry = 640.0 / 6.0
    assert list(trips["bars_held"]) == [4, 6]
    assert list(trips["entry_price"]) == exactly(entry, entry)
    assert list(trips["return_pct"]) == exactly(-26.2 / 320.0 * 100.0, 62.9 / 320.0 * 100.0)
    # Since bar 1's close the prices ran from 90 to 120 until bar 5, to 130 until bar 7.
    assert list(trips["mae"]) == exactly(3.0 * (90.0 - entry), 3.0 * (90.0 - entry))
    assert list(trips["mfe"]) == exactly(3.0 * (120.0 - entry), 3.0 * (130.0 - entry))


@pytest.fixture(scope="module")
def futures() -> Played:
    """Capital 1,000, fee 0.1 %, maintenance 4 %, orders at the close; one settlement, in bar 5.

    bar close  what happens                          cash      margin  size  unrealised
     0   100   buy 20 at 10x: 200 and 2 fee          798          200    20       0
     1   102                                         798          200    20      40
     2    95   low 93 <= P = (2000-200)/(20 x 0.96) = 93.75: liquidated,
               gross -125, fee 1.875                 871.125        0     0       0
     3    96   sell 10 at 2x: 480 and 0.96 fee       390.165      480   -10       0
     4    90                                         390.165      480   -10      60
     5    92   funding -10 x 90 x 0.001 = -0.90      391.065      480   -10      40
     6    94   buy 15 at 5x: closes 10 (gross 20, fee 0.94),
               opens 5 (margin 94, fee 0.47)         795.655       94     5       0
     7    99                                         795.655       94     5      25
     8    78   opens at 75 <= P = (470-94)/(5 x 0.96) = 78.33: liquidated at 75,
               gross max(-95, -94), fee min(0.375, 0) = 0
               then buy 4 at 3x: 104 and 0.312       691.343      104     4       0
     9    80   still open                            691.343      104     4       8
    """
    bars = make_bars(
        [
            (100.0, 100.0, 100.0, 100.0),
            (100.0, 104.0, 99.0, 102.0),
            (102.0, 103.0, 93.0, 95.0),
            (95.0, 97.0, 94.0, 96.0),
            (96.0, 96.0, 90.0, 90.0),
            (90.0, 92.0, 88.0, 92.0),
            (92.0, 95.0, 91.0, 94.0),
            (94.0, 100.0, 93.0, 99.0),
            (75.0, 80.0, 74.0, 78.0),
            (78.0, 81.0, 77.0, 80.0),
        ]
    )
    script = {
        0: lambda s: s.buy(20.0, 10.0),
        3: lambda s: s.sell(10.0, 2.0),
        6: lambda s: s.buy(15.0, 5.0),
        8: lambda s: s.buy(4.0, 3.0),
    }
    funding = Funding(np.array([START_MS + 5 * HOUR_MS + 3], np.int64), np.array([0.001]))
    return play(
        bars,
        script,
        settlements=funding,
        initial_capital=1_000.0,
        fee_rate=0.001,
        trading_mode="futures",
        max_leverage=10.0,
        maintenance_margin_rate=0.04,
        funding=True,
    )


def test_the_trades_of_ten_futures_bars(futures: Played):
    assert futures.fills == [
        (0, "buy", 20.0, 100.0, "order", "close"),
        (2, "liquidation", 20.0, 93.75, "liquidation", "path"),
        (3, "sell", 10.0, 96.0, "order", "close"),
        (6, "buy", 10.0, 94.0, "order", "close"),
        (6, "buy", 5.0, 94.0, "order", "close"),
        (8, "liquidation", 5.0, 75.0, "liquidation", "open"),
        (8, "buy", 4.0, 78.0, "order", "close"),
    ]
    assert futures.column("fee") == exactly(2.0, 1.875, 0.96, 0.94, 0.47, 0.0, 0.312)
    assert futures.column("pnl") == exactly(
        0.0,
        -125.0 - 1.875 - 2.0,
        0.0,
        20.0 - 0.94 - 0.96,
        0.0,
        -94.0 - 0.0 - 0.47,
        0.0,
    )
    assert futures.column("leverage") == exactly(10, 10, 2, 2, 5, 5, 3)


def test_the_account_of_ten_futures_bars(futures: Played):
    assert futures.column("cash") == exactly(
        798.0, 798.0, 871.125, 390.165, 390.165, 391.065, 795.655, 795.655, 691.343, 691.343
    )
    assert futures.column("margin_used") == exactly(200, 200, 0, 480, 480, 480, 94, 94, 104, 104)
    assert futures.column("unrealized_pnl") == exactly(0, 40, 0, 0, 60, 40, 0, 25, 0, 8)
    assert futures.column("realized_pnl") == exactly(
        -2.0,
        -2.0,
        -128.875,
        -129.835,
        -129.835,
        -128.935,
        -110.345,
        -110.345,
        -204.657,
        -204.657,
    )
    assert futures.column("portfolio_value") == exactly(
        998.0, 1038.0, 871.125, 870.165, 930.165, 911.065, 889.655, 914.655, 795.343, 803.343
    )
    assert futures.column("leverage_ratio") == exactly(10, 10, 0, 2, 2, 2, 5, 5, 3, 3)


def test_the_figures_of_ten_futures_bars(futures: Played):
    metrics = futures.results.metrics
    assert metrics["liquidations"] == 2
    assert metrics["funding_paid"] == pytest.approx(-0.9)
    assert metrics["avg_leverage"] == pytest.approx((10.0 + 2.0 + 5.0 + 3.0) / 4.0)
    assert metrics["max_leverage"] == 10.0
    assert metrics["exposure_time"] == pytest.approx(90.0)
    assert metrics["max_drawdown"] == pytest.approx((795.343 / 1038.0 - 1.0) * 100.0)
    # From the close of bar 1 to the end, never regained.
    assert metrics["max_drawdown_duration"] == pytest.approx(8.0 / 24.0)
