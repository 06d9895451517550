import numpy as np


class NadarayaWatson(Strategy):
    h = 8.0
    lookback = 60
    mult = 1.5

    def initialize(self):
        i = np.arange(self.lookback, dtype=np.float64)
        self.w = np.exp(-(i**2) / (2 * self.h**2))[::-1]
        self.w /= self.w.sum()
        self.err = np.zeros(self.lookback)
        self.k = 0

    def on_data(self, data):
        c = self.bars.close[-self.lookback :]
        if len(c) < self.lookback:
            return
        fit = np.dot(self.w, c)
        self.err[self.k % self.lookback] = abs(c[-1] - fit)
        self.k += 1
        mae = self.err[: min(self.k, self.lookback)].mean() * self.mult
        upper, lower = fit + mae, fit - mae
        self.plot("nwe", fit)
        if data.close < lower and not self.get_position_size():
            self.buy(np.float64(0.3))
        elif data.close > upper and self.get_position_size():
            self.close_position()
