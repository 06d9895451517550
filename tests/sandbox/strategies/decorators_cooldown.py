"""Decorators: a cooldown, a once-a-day guard and a memo."""
from functools import lru_cache, partial, wraps


def cooldown(bars):
    def decorate(method):
        @wraps(method)
        def wrapper(self, *args, **kwargs):
            if self.count - self.last_call.get(bars, -bars) < bars:
                return None
            self.last_call[bars] = self.count
            return method(self, *args, **kwargs)

        return wrapper

    return decorate


@lru_cache(maxsize=None)
def weight(n):
    return 1 if n < 2 else weight(n - 1) + weight(n - 2)


class Cooldown(Strategy):
    def initialize(self):
        self.count = 0
        self.last_call = {}
        self.enter_small = partial(self.enter, scale=0.01)

    @cooldown(12)
    def enter(self, data, *, scale):
        self.buy(scale * weight(5))

    @cooldown(30)
    def leave(self):
        self.close_position(percentage=50.0)

    def on_data(self, data):
        self.count += 1
        if data.close > data.open:
            self.enter_small(data)
        else:
            self.leave()
