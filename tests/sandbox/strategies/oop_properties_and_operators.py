from functools import total_ordering, cached_property


@total_ordering
class Money:
    def __init__(self, amount):
        self.amount = amount

    @property
    def amount(self):
        return self._amount

    @amount.setter
    def amount(self, value):
        if value <= 0:
            raise ValueError("amount must be positive")
        self._amount = value

    def __eq__(self, other):
        return self.amount == other.amount

    def __lt__(self, other):
        return self.amount < other.amount

    def __hash__(self):
        return hash(self.amount)

    def __mul__(self, k):
        return Money(self.amount * k)

    __rmul__ = __mul__

    def __format__(self, spec):
        return format(self.amount, spec or ".2f") + " USDT"


class Window:
    def __init__(self, values):
        self.values = tuple(values)

    @cached_property
    def spread(self):
        return max(self.values) - min(self.values)

    def __iter__(self):
        return iter(self.values)

    def __contains__(self, item):
        return min(self.values) <= item <= max(self.values)


class Ranges(Strategy):
    def initialize(self):
        self.budget = Money(20.0)

    def on_data(self, data):
        if len(self.bars) < 30:
            return
        window = Window(float(x) for x in self.bars.close[-30:-1])
        outside = data.close not in window
        if outside and data.close > max(window) and self.get_position_size() == 0:
            spend = min(self.budget, Money(self.get_cash() * 0.9))
            self.buy(spend.amount / data.close)
            self.log(f"{spend} of {self.budget:.0f}, spread {window.spread:.2f}")
        elif outside and self.get_position_size() > 0:
            self.close_position()
            self.budget = 1.05 * self.budget
