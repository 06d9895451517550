"""Random entries with seeded generators: a null hypothesis to beat."""
import random

import numpy as np


class CoinFlip(Strategy):
    p = 0.08

    def initialize(self):
        self.rng = np.random.default_rng(7)
        self.dice = random.Random(3)

    def on_data(self, data):
        if random.random() < self.p and not self.get_position_size():
            self.buy(round(random.uniform(0.05, 0.2), 4))
        elif np.random.rand() < self.p or self.rng.normal() > 2.2:
            self.close_position()
        elif self.dice.choice([0, 0, 0, 0, 1]):
            self.sell(0.01)
