# mode: futures
"""Pine's history operator close[1] by a small class; ta.change, ta.highest, barssince."""
from collections import deque


class S:
    """a series like in Pine: s[0] now, s[1] one bar back"""

    def __init__(self, size=100):
        self._q = deque(maxlen=size)

    def push(self, v):
        self._q.appendleft(float(v))
        return self

    def __getitem__(self, i):
        try:
            return self._q[i]
        except IndexError:
            return float("nan")

    def highest(self, n, offset=0):
        vals = list(self._q)[offset : offset + n]
        return max(vals) if len(vals) == n else float("nan")

    def lowest(self, n, offset=0):
        vals = list(self._q)[offset : offset + n]
        return min(vals) if len(vals) == n else float("nan")


def barssince(flags):
    for i, f in enumerate(flags):
        if f:
            return i
    return None


class TurtleSoup(Strategy):
    length = 20

    def initialize(self):
        self.close, self.high, self.low = S(), S(), S()
        self.touched = deque(maxlen=50)

    def on_data(self, data):
        close, high, low = self.close.push(data.close), self.high.push(data.high), self.low.push(data.low)
        newLow = low[0] < low.lowest(self.length, 1)
        newHigh = high[0] > high.highest(self.length, 1)
        self.touched.appendleft(newLow or newHigh)
        since = barssince(list(self.touched)[1:])
        size = self.get_position_size()
        if newLow and close[0] > close[1] and (since is None or since > 3) and size <= 0:
            self.target_percent(50, leverage=2.0)
        elif newHigh and close[0] < close[1] and size >= 0:
            self.target_percent(-50, leverage=2.0)
        elif size and close[0] == close.highest(5) and size < 0:
            self.close_position(50)
