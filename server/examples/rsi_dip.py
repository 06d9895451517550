"""Buying dips.

Buys when the relative strength index says that the fall was steep, and sells once it has recovered.
It does well in calm markets and catches falling knives in others; the drawdown shows which.
"""

import talib
from sandtable import Strategy


class RsiDip(Strategy):
    period = 14
    low = 28.0
    high = 55.0

    def initialize(self):
        self.indicator("rsi", talib.RSI, "close", self.period)

    def on_data(self, data):
        rsi = self.indicators["rsi"][-1]
        self.plot("rsi", rsi)
        if self.get_position_size() == 0 and rsi < self.low:
            self.target_percent(90)
        elif self.get_position_size() > 0 and rsi > self.high:
            self.close_position()
