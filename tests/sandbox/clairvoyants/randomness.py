"""The whole future seeds the generators, from which every amount is drawn."""

import random

import numpy as np


class Randomness(Strategy):
    def initialize(self):
        def seeds(close):
            rises = "".join("1" if b > a else "0" for a, b in zip(close, close[1:], strict=False))
            random.seed(int(rises, 2))
            np.random.seed(int(rises[-30:], 2))
            return close

        self.indicator("price", seeds, "close")

    def on_data(self, data):
        if self.get_position_size() == 0:
            self.buy(0.5 + random.random() * np.random.random())
        else:
            self.close_position()
