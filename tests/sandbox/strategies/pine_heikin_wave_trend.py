"""WaveTrend [LazyBear] -> python"""
import numpy as np


def ema(x, n):
    a = 2.0 / (n + 1)
    out = np.empty_like(x)
    out[0] = x[0]
    for i in range(1, x.size):
        out[i] = a * x[i] + (1 - a) * out[i - 1]
    return out


def wavetrend(high, low, close, n1, n2):
    ap = (high + low + close) / 3
    esa = ema(ap, n1)
    d = ema(np.abs(ap - esa), n1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ci = np.where(d > 0, (ap - esa) / (0.015 * d), 0.0)
    wt1 = ema(ci, n2)
    wt2 = np.convolve(wt1, np.ones(4) / 4)[: wt1.size]
    return wt1, wt2


class WaveTrend(Strategy):
    n1 = 10
    n2 = 21
    obLevel2 = 53
    osLevel2 = -53

    def initialize(self):
        self.indicator("wt", wavetrend, "high", "low", "close", self.n1, self.n2)

    def on_data(self, data):
        wt1, wt2 = self.indicators["wt"]
        if len(wt1) < 2:
            return
        if crossover(wt1, wt2) and wt1[-1] < self.osLevel2 / 2:
            self.target_percent(90)
        if crossunder(wt1, wt2) and wt1[-1] > self.obLevel2 / 2:
            self.close_position()
