"""Profit ladder in exact decimals and fractions."""
from decimal import Decimal, ROUND_DOWN, getcontext
from fractions import Fraction


class Ladder(Strategy):
    tick = "0.01"

    def initialize(self):
        getcontext().prec = 12
        self.rungs = [Fraction(k, 100) for k in (1, 2, 3)]
        self.left = []

    def quantize(self, price):
        return Decimal(str(price)).quantize(Decimal(self.tick), rounding=ROUND_DOWN)

    def on_data(self, data):
        if not self.get_position_size():
            self.buy(0.3)
            entry = self.quantize(data.close)
            self.left = [entry * (1 + Decimal(r.numerator) / Decimal(r.denominator)) for r in self.rungs]
        while self.left and self.quantize(data.close) >= self.left[0]:
            self.left.pop(0)
            self.close_position(100 / (len(self.left) + 1))
        if self.get_position_size() and data.close < 0.97 * self.get_entry_price():
            self.close_position()
            self.left.clear()
