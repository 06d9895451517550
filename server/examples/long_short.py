"""Long and short.

Holds futures in the direction of the trend, with leverage: long above its average, short below.
A turn is one order that closes and opens at once, and shows as two fills.
"""

import talib
from sandtable import Strategy


class LongShort(Strategy):
    period = 60
    percent = 30.0
    leverage = 2.0

    def initialize(self):
        self.indicator("trend", talib.EMA, "close", self.period)

    def on_data(self, data):
        trend = self.indicators["trend"][-1]
        self.plot("trend", trend)
        if data.close > trend and self.get_position_size() <= 0:
            self.target_percent(self.percent, leverage=self.leverage)
        elif data.close < trend and self.get_position_size() >= 0:
            self.target_percent(-self.percent, leverage=self.leverage)
