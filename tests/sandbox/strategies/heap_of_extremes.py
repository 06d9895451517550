"""Median of a sliding window kept with bisect, extremes with heapq."""
import heapq
from bisect import bisect_left, insort


class SlidingMedian(Strategy):
    window = 31

    def initialize(self):
        self.ordered, self.queue = [], []
        self.best = []

    def on_data(self, data):
        self.queue.append(data.close)
        insort(self.ordered, data.close)
        if len(self.queue) > self.window:
            old = self.queue.pop(0)
            del self.ordered[bisect_left(self.ordered, old)]
        heapq.heappush(self.best, -data.volume)
        self.best = heapq.nsmallest(10, self.best)
        if len(self.queue) < self.window:
            return
        median = self.ordered[self.window // 2]
        busy = data.volume >= -self.best[-1]
        if data.close < 0.99 * median and busy:
            self.buy(0.3)
        elif data.close > 1.01 * median:
            self.close_position()
