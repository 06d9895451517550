import collections
import math


class Indicator(object):
    lines = ()

    def __init__(self, period=14):
        self.p = type("P", (), {}) if False else period
        self.values = collections.deque(maxlen=500)

    def __getitem__(self, ago):
        return self.values[ago - 1] if ago <= 0 else None

    def __len__(self):
        return len(self.values)

    def next(self, bar):
        raise NotImplementedError


class Stochastic(Indicator):
    lines = ("percK",)

    def __init__(self, period=14):
        super(Stochastic, self).__init__(period)
        self.highs = collections.deque(maxlen=period)
        self.lows = collections.deque(maxlen=period)

    def next(self, bar):
        self.highs.append(bar.high)
        self.lows.append(bar.low)
        hh, ll = max(self.highs), min(self.lows)
        k = 100.0 * (bar.close - ll) / (hh - ll) if not math.isclose(hh, ll) else 50.0
        self.values.append(k)


class StochReversal(Strategy):
    def initialize(self):
        self.stoch = Stochastic(21)

    def on_data(self, data):
        self.stoch.next(data)
        if len(self.stoch) < 21:
            return
        # 0 is now, -1 is the bar before
        if self.stoch[-1] < 20 <= self.stoch[0] and self.get_position_size() == 0:
            self.target_percent(80)
        elif self.stoch[0] > 85:
            self.target_percent(0)
