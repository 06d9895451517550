from engine.account import margin


def test_a_five_times_long_is_liquidated_near_its_margin():
    # 2 BTC at 100, leverage 5: margin 40. P = (200 - 40) / (2 * 0.995) = 80.402...
    assert margin.liquidation_price(2.0, 100.0, 40.0, 0.005) == 160.0 / 1.99


def test_a_short_is_liquidated_above_its_entry():
    # P = (200 + 40) / (2 * 1.005)
    assert margin.liquidation_price(-2.0, 100.0, 40.0, 0.005) == 240.0 / 2.01


def test_an_unleveraged_long_is_never_liquidated():
    assert margin.liquidation_price(1.0, 100.0, 100.0, 0.005) == float("-inf")


def test_touching_the_liquidation_price_counts():
    price = 160.0 / 1.99
    assert margin.liquidated_within(2.0, 100.0, 40.0, 0.005, price)
    assert not margin.liquidated_within(2.0, 100.0, 40.0, 0.005, price + 0.001)
    assert not margin.liquidated_within(0.0, 0.0, 0.0, 0.005, 1.0)


def test_leverage_is_entry_notional_over_margin():
    assert margin.leverage_of(-2.0, 100.0, 40.0) == 5.0
    assert margin.leverage_of(0.0, 0.0, 0.0) == 0.0
    assert margin.initial_margin(2.0, 100.0, 5.0) == 40.0
    assert margin.maintenance_margin(-2.0, 100.0, 0.005) == 1.0
    assert margin.unrealized_pnl(-2.0, 100.0, 90.0) == 20.0
