"""Momentum.

Every week it holds the market when the last month gained, else cash.
Few trades mean low fees, and also that luck decides much: compare several ranges.
"""

from sandtable import Strategy


class Momentum(Strategy):
    lookback = 30

    def on_data(self, data):
        closes = self.bars.close
        if len(closes) <= self.lookback or data.timestamp.weekday() != 0:
            return
        gained = data.close > closes[-1 - self.lookback]
        self.target_percent(98 if gained else 0)
