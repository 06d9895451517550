"""Two averages.

Buys when a fast average rises through a slow one and sells when it falls back through.
The indicators are computed over the whole range at once and revealed bar by bar, so they cannot
look ahead.
"""

import numpy as np
from sandtable import Strategy


def average(values, n):
    total = np.cumsum(values)
    result = np.full(len(values), np.nan)
    result[n - 1 :] = (total[n - 1 :] - np.concatenate(([0.0], total[:-n]))) / n
    return result


class TwoAverages(Strategy):
    fast = 10
    slow = 40

    def initialize(self):
        self.indicator("fast", average, "close", self.fast)
        self.indicator("slow", average, "close", self.slow)

    def on_data(self, data):
        fast, slow = self.indicators["fast"][-1], self.indicators["slow"][-1]
        if np.isnan(slow):
            return
        self.plot("fast", fast)
        self.plot("slow", slow)
        if fast > slow and self.get_position_size() == 0:
            self.target_percent(95)
        elif fast < slow and self.get_position_size() > 0:
            self.close_position()
