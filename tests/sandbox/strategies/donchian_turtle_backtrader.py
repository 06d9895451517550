"""The turtles' channel breakout with unit sizing by ATR, as a backtrader class would be laid out."""
from collections import deque


class Turtle(Strategy):
    params = dict(entry=20, exit=10, atr=14, risk=0.01)

    def __init__(self):
        super().__init__()
        self.order_count = 0

    def initialize(self):
        p = self.params
        self.highs = deque(maxlen=p["entry"])
        self.lows = deque(maxlen=p["exit"])
        self.ranges = deque([], p["atr"])

    def next(self, bar):
        if len(self.highs) == self.highs.maxlen:
            atr = sum(self.ranges) / len(self.ranges)
            unit = self.get_portfolio_value() * self.params["risk"] / atr
            if bar.close > max(self.highs) and not self.get_position_size():
                if self.buy(min(unit, 0.9 * self.get_cash() / bar.close)):
                    self.order_count += 1
            elif bar.close < min(self.lows) and self.get_position_size():
                self.close_position()

    def on_data(self, data):
        self.next(data)
        self.highs.append(data.high)
        self.lows.append(data.low)
        self.ranges.append(data.high - data.low)
