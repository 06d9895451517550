"""backtrader's lines, [0] for this bar and [-1] for the one before, kept in a helper class."""
class Line:
    def __init__(self, series): self._series = series
    def __getitem__(self, ago): return self._series[ago - 1]
    def __len__(self): return len(self._series)

class Lines(Strategy):
    params = (("period", 15), ("stake", 0.15))
    def initialize(self):
        self.p = dict(self.params)
        self.order = None
    def on_data(self, data):
        close = Line(self.bars.close)
        if len(close) <= self.p["period"]:
            return
        mean = sum(close[-k] for k in range(self.p["period"])) / self.p["period"]
        if not self.get_position_size() and close[0] > mean and close[-1] <= mean:
            self.buy(self.p["stake"])
        elif self.get_position_size() and close[0] < mean:
            self.close_position()
