import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def rolling(a, n, fn):
    out = np.full(a.shape, np.nan)
    if a.size >= n:
        out[n - 1 :] = fn(sliding_window_view(a, n), axis=-1)
    return out


def donchian(high, low, n):
    return rolling(high, n, np.max), rolling(low, n, np.min)


class Channels(Strategy):
    n = 24

    def initialize(self):
        self.indicator("ch", donchian, "high", "low", self.n)

    def on_data(self, data):
        upper, lower = self.indicators["ch"]
        if len(upper) < self.n + 2 or np.isnan(upper[-2]):
            return
        pos = (data.close - lower[-2]) / np.ptp([lower[-2], upper[-2]])
        if pos > 1:
            self.target_percent(70.0)
        elif pos < 0.4:
            self.target_percent(0.0)
