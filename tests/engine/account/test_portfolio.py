import pytest

from engine.account.portfolio import Portfolio
from engine.enums import ActionType, TradingMode
from engine.errors import InsufficientFundsError, PositionNotFoundError, ValidationError


@pytest.fixture
def futures():
    return Portfolio(1_000.0, TradingMode.FUTURES, max_leverage=10.0, fee_rate=0.001)


def test_a_spot_round_trip_pays_both_fees():
    portfolio = Portfolio(1_000.0)
    bought = portfolio.buy("BTCUSDT", 2.0, 100.0)
    assert (bought.action, bought.fee, bought.pnl) == (ActionType.BUY, 0.2, 0.0)
    assert portfolio.get_cash() == pytest.approx(799.8)
    assert portfolio.calculate_portfolio_value({"BTCUSDT": 110.0}) == pytest.approx(1_019.8)
    sold = portfolio.close_position("BTCUSDT", 110.0)
    # 20 gross - 0.22 exit fee - 0.2 entry fee
    assert sold.pnl == pytest.approx(19.58)
    assert portfolio.get_cash() == pytest.approx(1_019.58)
    assert portfolio.realized_pnl == pytest.approx(19.58)


def test_positions_in_two_symbols_share_one_cash(futures):
    futures.buy("BTCUSDT", 10.0, 100.0, leverage=5.0)  # margin 200, fee 1
    futures.sell("ETHUSDT", 100.0, 10.0, leverage=10.0)  # margin 100, fee 1
    assert futures.get_cash() == pytest.approx(698.0)
    assert futures.margin_used == pytest.approx(300.0)
    prices = {"BTCUSDT": 110.0, "ETHUSDT": 9.0}
    assert futures.calculate_portfolio_value(prices) == pytest.approx(1_198.0)
    assert futures.get_margin_ratio(prices) == pytest.approx(1_198.0 / 300.0)
    snapshot = futures.record_snapshot(0, prices)
    assert snapshot.unrealized_pnl == pytest.approx(200.0)
    assert snapshot.leverage_ratio == pytest.approx(2_000.0 / 300.0)


def test_a_flip_is_two_trades_and_returns_the_opening_one(futures):
    futures.buy("BTCUSDT", 1.0, 100.0, leverage=2.0)
    trade = futures.sell("BTCUSDT", 3.0, 110.0, leverage=2.0)
    assert futures.get_position_size("BTCUSDT") == -2.0
    assert (trade.quantity, len(futures.trades)) == (2.0, 3)


def test_a_reached_liquidation_price_takes_the_position(futures):
    futures.buy("BTCUSDT", 10.0, 100.0, leverage=10.0)
    # P = (1000 - 100) / (10 * 0.995) = 90.45
    assert futures.check_liquidation({"BTCUSDT": 90.5}) == []
    assert futures.check_liquidation({"BTCUSDT": 90.0}) == ["BTCUSDT"]
    assert futures.get_position_size("BTCUSDT") == 0.0
    assert futures.get_cash() == pytest.approx(899.0)  # the margin and the entry fee are gone


def test_what_the_strategy_api_refuses_is_raised(futures):
    with pytest.raises(InsufficientFundsError, match="insufficient cash"):
        futures.buy("BTCUSDT", 100.0, 1_000.0)
    with pytest.raises(PositionNotFoundError):
        futures.close_position("BTCUSDT", 100.0)
    with pytest.raises(ValidationError, match="leverage"):
        futures.buy("BTCUSDT", 1.0, 100.0, leverage=11.0)
    with pytest.raises(ValidationError, match="amount"):
        futures.buy("BTCUSDT", 0.000001, 100.0)
    with pytest.raises(PositionNotFoundError):
        Portfolio(100.0).sell("BTCUSDT", 1.0, 10.0)
    futures.buy("BTCUSDT", 1.0, 100.0)
    with pytest.raises(ValidationError, match="no price for BTCUSDT"):
        futures.calculate_portfolio_value({})


def test_one_position_too_many_is_refused():
    portfolio = Portfolio(1e9, fee_rate=0.0)
    for k in range(100):
        portfolio.buy(f"COIN{k}", 1.0, 1.0)
    with pytest.raises(ValidationError, match="100 positions are open"):
        portfolio.buy("COIN100", 1.0, 1.0)


def test_a_malformed_percentage_is_told_before_the_lack_of_a_position():
    portfolio = Portfolio(1_000.0, TradingMode.SPOT)
    for percentage in (0.0, 101.0):
        with pytest.raises(ValidationError, match="percentage"):
            portfolio.close_position("BTCUSDT", 100.0, percentage)


def test_sizes_are_bounded_by_amount_and_by_notional():
    portfolio = Portfolio(1e12, fee_rate=0.0)
    with pytest.raises(ValidationError, match=r"amount must be 0\.00001 to 1,000,000,000,000"):
        portfolio.buy("PEPEUSDT", 1.1e12, 1e-6)
    with pytest.raises(ValidationError, match=r"amount x price must be at most 1,000,000,000,000"):
        portfolio.buy("PEPEUSDT", 1e11, 10.1)
    assert portfolio.buy("PEPEUSDT", 1e11, 9.2e-6).quantity == 1e11
