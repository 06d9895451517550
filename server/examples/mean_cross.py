"""Mean cross.

Holds the market while the close is above the mean of the last bars, and cash while it is below.
Watch the fees: every crossing in a sideways market costs two of them.
"""

from sandtable import Strategy


class MeanCross(Strategy):
    bars_in_mean = 20
    percent = 95.0

    def on_data(self, data):
        closes = self.bars.close[-self.bars_in_mean :]
        if len(closes) < self.bars_in_mean:
            return
        mean = sum(closes) / len(closes)
        self.plot("mean", mean)
        holding = self.get_position_size() > 0
        if data.close > mean and not holding:
            self.target_percent(self.percent)
        elif data.close < mean and holding:
            self.close_position()
