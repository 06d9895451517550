"""A vector class with operators, votes by set algebra and bit arithmetic."""
from functools import reduce, total_ordering
from operator import add, itemgetter


@total_ordering
class Vote:
    def __init__(self, name, weight):
        self.name, self.weight = name, weight

    def __add__(self, other):
        return Vote(f"{self.name}+{other.name}", self.weight + other.weight)

    __radd__ = __add__

    def __eq__(self, other):
        return self.weight == other.weight

    def __lt__(self, other):
        return self.weight < other.weight

    def __hash__(self):
        return hash(self.name)

    def __len__(self):
        return len(self.name)

    def __getitem__(self, i):
        return (self.name, self.weight)[i]

    def __contains__(self, part):
        return part in self.name

    def __iter__(self):
        yield self.name
        yield self.weight


class Votes(Strategy):
    def initialize(self):
        self.bits = 0b1010

    def on_data(self, data):
        votes = [Vote("up", data.close > data.open), Vote("busy", data.volume > 150), Vote("low", -1)]
        total = reduce(add, votes)
        name, weight = total
        best = max(votes, key=itemgetter(1))
        self.bits = (self.bits << 1 | (weight > 0)) & 0xFF
        self.bits ^= 0b1
        self.bits //= 1
        strong = {v.name for v in votes if v > Vote("zero", 0)} - {"low"}
        if strong >= {"up", "busy"} and "busy" in total and best:
            self.buy(0.1)
        elif not strong and bin(self.bits).count("1") < 4:
            self.close_position()
