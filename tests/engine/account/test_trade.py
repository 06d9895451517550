from engine.account.trade import trade_of
from engine.enums import ActionType, PositionType


def test_a_broker_row_becomes_a_trade_in_words():
    row = (3, 0, 1, 0, 3, 1, 1, 2.0, 95.0, 1.0, 0.19, -10.4, -10.0, 200.0, 100.0, 0, 95.0, 100.0)
    trade = trade_of(row, "BTCUSDT", 7)
    assert (trade.action, trade.position_type) == (ActionType.SELL, PositionType.LONG)
    assert (trade.reason, trade.phase, trade.timestamp) == ("stop_loss", "path", 7)
