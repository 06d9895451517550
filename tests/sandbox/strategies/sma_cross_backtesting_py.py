"""Two moving averages cross: the first example of backtesting.py, in our API."""
import numpy as np


def sma(values, n):
    return np.convolve(values, np.ones(n) / n, mode="valid")


class SmaCross(Strategy):
    n1 = 10
    n2 = 30

    def initialize(self):
        self.closes = []

    def on_data(self, data):
        self.closes.append(data["close"])
        if len(self.closes) <= self.n2:
            return
        fast, slow = sma(self.closes[-self.n1 - 1:], self.n1), sma(self.closes[-self.n2 - 1:], self.n2)
        if fast[-1] > slow[-1] and fast[-2] <= slow[-2]:
            self.buy(0.5)
        elif fast[-1] < slow[-1] and fast[-2] >= slow[-2]:
            self.close_position()
