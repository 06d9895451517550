from collections import defaultdict
from functools import partial, wraps
import itertools


def logged(fn):
    @wraps(fn)
    def wrapper(self, *args, **kwargs):
        result = fn(self, *args, **kwargs)
        self.trace.append((fn.__name__, result))
        return result
    return wrapper


class Bus:
    def __init__(self):
        self._subs = defaultdict(list)
        self._ids = itertools.count(1)

    def on(self, topic):
        def register(handler):
            self._subs[topic].append((next(self._ids), handler))
            return handler
        return register

    def emit(self, topic, **payload):
        for _id, handler in self._subs[topic]:
            yield _id, handler(**payload)


class Account:
    __slots__ = ("strategy", "limit")

    def __init__(self, strategy, limit):
        self.strategy = strategy
        self.limit = limit

    @property
    def flat(self):
        return self.strategy.get_position_size() == 0

    @flat.setter
    def flat(self, value):
        if value:
            self.strategy.close_position()


class EventDriven(Strategy):
    def initialize(self):
        self.trace = []
        self.bus = Bus()
        self.account = Account(self, limit=0.5)
        self.bus.on("bar")(self.trend)
        self.bus.on("bar")(partial(self.exit_rule, age=18))

        @self.bus.on("fill")
        def count(trade):
            return trade["reason"]

    @logged
    def trend(self, bar):
        c = self.bars.close
        if len(c) > 24 and c[-1] > c[-24] * 1.01 and self.account.flat:
            return self.buy(self.account.limit * self.get_cash() / bar.close)
        return None

    @logged
    def exit_rule(self, bar, *, age):
        if self.get_position_age() >= age:
            self.account.flat = True
            return "aged"
        return None

    def on_fill(self, trade):
        self.log([reason for _, reason in self.bus.emit("fill", trade=trade)])

    def on_data(self, bar):
        list(self.bus.emit("bar", bar=bar))

    def on_finish(self):
        self.log(len([t for t in self.trace if t[1]]))
