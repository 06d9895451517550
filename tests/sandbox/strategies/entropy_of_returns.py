"""Sign entropy with Counter and math; accumulate and pairwise."""
import math
from collections import Counter
from itertools import accumulate, pairwise


class Entropy(Strategy):
    window = 40
    limit = 0.97

    def initialize(self):
        self.closes = []

    def on_data(self, data):
        self.closes = (self.closes + [data.close])[-self.window:]
        if len(self.closes) < self.window:
            return
        signs = [math.copysign(1, b - a) for a, b in pairwise(self.closes)]
        counts = Counter(signs)
        total = counts.total()
        entropy = -sum(n / total * math.log2(n / total) for n in counts.values())
        path = list(accumulate(signs, initial=0))
        if entropy < self.limit and path[-1] > 0:
            self.target_percent(55)
        elif math.isclose(entropy, 1.0, rel_tol=1e-3) or path[-1] < 0:
            self.target_percent(0)
