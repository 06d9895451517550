"""Private names of every kind, and attribute names that libraries use too."""


class _Window:
    __slots_note = "private"

    def __init__(self, size):
        self.__size = size
        self.data = []
        self.base = None
        self.info = {"_n": 0}

    def apply(self, value):
        self.data.append(value)
        self.base = self.data[-self.__size] if len(self.data) >= self.__size else None
        self.info["_n"] += 1
        return self

    def view(self):
        return self.base


class Private(Strategy):
    _secret = 3

    def initialize(self):
        self._w = _Window(size=10 * self._secret)
        self.__flags = set()

    def _rank(self, _low, *_rest, **_options):
        _, mid, _high = sorted((_low, *_rest))[:3]
        return mid if _options else _low

    def on_data(self, data):
        old = self._w.apply(data.close).view()
        if old is None:
            return
        mid = self._rank(data.low, data.close, data.high, _x=1)
        if mid > old and "in" not in self.__flags:
            self.buy(0.2)
            self.__flags.add("in")
        elif mid < old and "in" in self.__flags:
            self.close_position()
            self.__flags.discard("in")
