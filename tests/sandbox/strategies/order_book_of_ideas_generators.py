"""Signals as generators chained together, consumed one bar at a time."""
from itertools import islice


def deltas(prices):
    last = None
    while True:
        price = yield
        if last is not None:
            prices.append(price - last)
        last = price


def runs(values):
    count = 0
    for v in values:
        count = count + 1 if v > 0 else 0
        yield count


def tail(values, n):
    yield from islice(reversed(values), n)


class Runs(Strategy):
    length = 4

    def initialize(self):
        self.changes = []
        self.feed = deltas(self.changes)
        next(self.feed)

    def on_data(self, data):
        self.feed.send(data.close)
        recent = list(runs(self.changes[-20:]))
        if recent and recent[-1] >= self.length:
            self.buy(0.1)
        elif all(x <= 0 for x in tail(self.changes, 3)) and self.get_position_size():
            self.close_position()

    def on_finish(self):
        self.feed.close()
