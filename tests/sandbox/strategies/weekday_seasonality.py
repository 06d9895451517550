"""Trade by the average return of each weekday and hour so far."""
from collections import defaultdict
from statistics import fmean, pstdev


class Seasonality(Strategy):
    least = 3

    def initialize(self):
        self.returns = defaultdict(list)
        self.last = None

    def on_data(self, data):
        if self.last:
            key, price = self.last
            self.returns[key].append(data.close / price - 1)
        key = (data.timestamp.weekday(), data.timestamp.hour // 6)
        self.last = key, data.close
        sample = self.returns[key]
        if len(sample) < self.least:
            return
        mean, spread = fmean(sample), pstdev(sample)
        if mean > 0.2 * spread:
            self.target_percent(50)
        else:
            self.target_percent(0)
