"""Fading the bands.

Buys below the lower Bollinger band and sells at the middle one, with a stop loss underneath.
On short bars the fees are as large as the moves it hunts: try it with a fee of zero to see.
"""

import talib
from sandtable import Strategy


class BollingerFade(Strategy):
    period = 20
    width = 2.2
    stop_percent = 2.0

    def initialize(self):
        self.indicator("bands", talib.BBANDS, "close", self.period, self.width, self.width)

    def on_data(self, data):
        _, middle, lower = self.indicators["bands"]
        self.plot("middle", middle[-1])
        self.plot("lower", lower[-1])
        if self.get_position_size() == 0 and data.close < lower[-1]:
            if self.target_percent(90):
                self.set_stop_loss(data.close * (1 - self.stop_percent / 100))
        elif self.get_position_size() > 0 and data.close > middle[-1]:
            self.close_position()
