"""Price structure: swing points with slices, zip, enumerate, chained comparisons."""


class Swings(Strategy):
    k = 2

    def initialize(self):
        self.h, self.l, self.pivots = [], [], []

    def on_data(self, data):
        self.h.append(data.high)
        self.l.append(data.low)
        n = 2 * self.k + 1
        if len(self.h) < n:
            return
        highs, lows = self.h[-n:], self.l[-n:]
        middle = self.k
        if all(h < highs[middle] for i, h in enumerate(highs) if i != middle):
            self.pivots += [("H", highs[middle])]
        if min(lows) == lows[middle] < lows[0]:
            self.pivots += [("L", lows[middle])]
        kinds = "".join(kind for kind, _ in self.pivots[-4:])
        levels = dict(zip(kinds, (p for _, p in self.pivots[-4:])))
        lowest = [p for kind, p in self.pivots if kind == "L"][-2:]
        if len(lowest) == 2 and lowest[0] < lowest[1] < data.close:
            self.buy(0.1)
        elif levels.get("L", 0.0) > data.close:
            self.close_position()
        else:
            self.pivots[:-50] = []
