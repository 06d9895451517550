"""What every engine is asked to do.

A  a 20/50 mean cross kept as running sums over deques, long only, 95 % of the cash
B  a trade every 10 bars: one unit, long and short in turn, closed before the next
D  ours alone: A's cross on futures with 100x leverage, stop losses, take profits, liquidations

Cash is large because thousands of all-in round trips at 0.1 % a side eat most of any account.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

CROSS = """
from collections import deque


class MeanCross(Strategy):
    fast = 20
    slow = 50
    share = 0.95

    def initialize(self):
        self.fast_closes = deque()
        self.slow_closes = deque()
        self.fast_sum = 0.0
        self.slow_sum = 0.0
        self.above = None

    def on_data(self, data):
        close = data.close
        self.fast_closes.append(close)
        self.slow_closes.append(close)
        self.fast_sum += close
        self.slow_sum += close
        if len(self.fast_closes) > self.fast:
            self.fast_sum -= self.fast_closes.popleft()
        if len(self.slow_closes) > self.slow:
            self.slow_sum -= self.slow_closes.popleft()
        elif len(self.slow_closes) < self.slow:
            return
        above = self.fast_sum / self.fast > self.slow_sum / self.slow
        if above != self.above:
            crossed, self.above = self.above is not None, above
            if crossed:
                self.cross(above, close)

    def cross(self, above, close):
"""

A = (
    CROSS
    + """
        if above:
            self.buy(self.share * self.get_cash() / close)
        elif self.get_position_size() > 0:
            self.close_position()
"""
)

B = """
class EveryTenBars(Strategy):
    def initialize(self):
        self.bar = 0

    def on_data(self, data):
        turn, rest = divmod(self.bar, 10)
        self.bar += 1
        if rest == 0:
            self.close_position()
            if turn % 2 == 0:
                self.buy(1.0, leverage=10.0)
            else:
                self.sell(1.0, leverage=10.0)
"""

# Shorts have no stop loss: at 100x they are liquidated half a percent away.
D = (
    CROSS
    + """
        self.close_position()
        if above:
            self.buy(1.0, leverage=100.0, stop_loss=close * 0.997, take_profit=close * 1.004)
        else:
            self.sell(1.0, leverage=100.0, take_profit=close * 0.996)
"""
)

# A's cross again, read off indicators that were computed before the first bar.
PRECOMPUTED = """
import numpy as np


def mean(values, length):
    sums = np.cumsum(values)
    sums[length:] -= sums[:-length].copy()
    means = np.full(len(values), np.nan)
    means[length - 1 :] = sums[length - 1 :] / length
    return means


class MeanCross(Strategy):
    fast = 20
    slow = 50
    share = 0.95

    def initialize(self):
        self.indicator("fast", mean, "close", self.fast)
        self.indicator("slow", mean, "close", self.slow)
        self.bar = 0
        self.above = None

    def on_data(self, data):
        self.bar += 1
        if self.bar < self.slow:
            return
        above = self.indicators["fast"][-1] > self.indicators["slow"][-1]
        if above != self.above:
            crossed, self.above = self.above is not None, above
            if crossed:
                self.cross(above, data.close)

    def cross(self, above, close):
        if above:
            self.buy(self.share * self.get_cash() / close)
        elif self.get_position_size() > 0:
            self.close_position()
"""

NOTHING = """
class Nothing(Strategy):
    def on_data(self, data):
        pass
"""


# Minutes of honest work over a year of minutes: more than the watchers stay.
WATCHED = """
class Watched(Strategy):
    def on_data(self, data):
        self.number = sum(range(15_000))
"""

# In and out every 26 bars: ten thousand round trips in a year of minutes.
TEN_THOUSAND_TRIPS = """
class InAndOut(Strategy):
    def initialize(self):
        self.bar = 0

    def on_data(self, data):
        if self.bar % 52 == 0:
            self.buy(1.0)
        elif self.bar % 52 == 26:
            self.close_position()
        self.bar += 1
"""

WAITS = """
class Waits(Strategy):
    def on_data(self, data):
        while True:
            pass
"""


@dataclass(frozen=True)
class Workload:
    """One task: its source for us, and the fields of the configuration that belong to it."""

    name: str
    title: str
    source: str
    cash: float
    futures: bool
    max_leverage: float = 1.0


WORKLOADS = {
    "A": Workload("A", "20/50 mean cross, long only", A, 1e9, futures=False),
    "B": Workload("B", "a trade every 10 bars", B, 1e7, futures=True, max_leverage=10.0),
    "D": Workload("D", "leverage, levels, liquidations", D, 1e9, futures=True, max_leverage=100.0),
}
# The same cross in other words: they should cost about the same.
WORKLOADS |= {
    "A by subscript": replace(WORKLOADS["A"], source=A.replace("data.close", 'data["close"]')),
    "A by indicators": replace(WORKLOADS["A"], source=PRECOMPUTED),
}
FEE_RATE = 0.001
