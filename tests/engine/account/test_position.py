import pytest

from engine.account.portfolio import Portfolio
from engine.account.position import Position
from engine.enums import PositionType, TradingMode
from engine.errors import ValidationError


def test_a_long_knows_its_margin_and_liquidation_price():
    position = Position.create_long("BTCUSDT", 2.0, 100.0, 5.0, trading_mode=TradingMode.FUTURES)
    assert position.margin == 40.0
    assert position.liquidation_price() == 160.0 / 1.99
    assert position.unrealized_pnl(110.0) == 20.0
    assert position.notional(110.0) == 220.0


def test_a_short_is_kept_with_a_negative_size():
    position = Position.create_short("BTCUSDT", 2.0, 100.0, 5.0)
    assert (position.size, position.position_type) == (-2.0, PositionType.SHORT)
    assert position.unrealized_pnl(90.0) == 20.0


def test_spot_has_no_shorts_no_leverage_and_no_liquidation():
    with pytest.raises(ValidationError, match="short"):
        Position.create_short("BTCUSDT", 1.0, 100.0, trading_mode=TradingMode.SPOT)
    with pytest.raises(ValidationError, match="leverage must be 1"):
        Position.create_long("BTCUSDT", 1.0, 100.0, 2.0)
    assert Position.create_long("BTCUSDT", 1.0, 100.0).liquidation_price() == 0.0


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf"), True, "1"])
def test_a_size_that_is_no_positive_number_is_refused(size):
    with pytest.raises(ValidationError, match="size"):
        Position.create_long("BTCUSDT", size, 100.0)


def test_an_opening_trade_makes_its_position():
    trade = Portfolio(1_000.0).buy("BTCUSDT", 2.0, 100.0)
    position = Position.create_from_trade(trade, TradingMode.SPOT)
    assert (position.symbol, position.size, position.entry_price) == ("BTCUSDT", 2.0, 100.0)
