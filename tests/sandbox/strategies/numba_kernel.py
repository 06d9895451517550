"""A numba kernel out of a notebook, its decorators left in place."""
import numpy as np
from numba import njit

@njit(cache=True)
def kaufman(close, n):
    out = np.full(len(close), np.nan)
    for i in range(n, len(close)):
        change = abs(close[i] - close[i - n])
        path = 0.0
        for k in range(i - n + 1, i + 1):
            path += abs(close[k] - close[k - 1])
        out[i] = change / path if path > 0 else 0.0
    return out

class Efficiency(Strategy):
    def initialize(self):
        self.indicator("er", kaufman, "close", 12)
    def on_data(self, data):
        er = self.indicators["er"][-1]
        if er > 0.5 and self.bars.close[-1] > self.bars.close[-min(12, len(self.bars))]:
            self.target_percent(60)
        elif er < 0.2:
            self.target_percent(0)
