"""Breakout.

Buys when the close exceeds the highest high of the bars before it, and leaves when it falls below
their lowest low. It wins seldom and by much: look at the distribution of its trades.
"""

from sandtable import Strategy


class Breakout(Strategy):
    entry_bars = 48
    exit_bars = 24

    def on_data(self, data):
        highs = self.bars.high[-self.entry_bars - 1 : -1]
        lows = self.bars.low[-self.exit_bars - 1 : -1]
        if len(highs) < self.entry_bars:
            return
        if self.get_position_size() == 0 and data.close > max(highs):
            self.target_percent(95)
            self.log(f"above {max(highs):g}: in at {data.close:g}")
        elif self.get_position_size() > 0 and data.close < min(lows):
            self.close_position()
