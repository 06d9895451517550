"""Trailing exit.

Enters with the trend and lets a stop follow the price at a distance of some average bar ranges.
The stop is reached inside the bar, not at its close, as it would be on an exchange.
"""

import talib
from sandtable import Strategy


class TrailingExit(Strategy):
    period = 50
    ranges = 3.0

    def initialize(self):
        self.indicator("trend", talib.EMA, "close", self.period)
        self.indicator("range", talib.ATR, "high", "low", "close", self.period)

    def on_data(self, data):
        trend, span = self.indicators["trend"][-1], self.indicators["range"][-1]
        self.plot("trend", trend)
        rising = data.close > trend + span
        if rising and self.get_position_size() == 0 and self.target_percent(95):
            self.set_trailing_stop(self.ranges * span)
