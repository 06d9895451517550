"""Size by realised volatility, in numpy over the columns so far."""
import numpy as np


class VolTarget(Strategy):
    target = 0.4
    window = 48

    def initialize(self):
        self.weights = np.zeros(3)

    def on_data(self, data):
        closes = np.asarray(self.bars.close)[-self.window:]
        if closes.size < self.window:
            return
        r = np.diff(np.log(closes))
        vol = r.std(ddof=1) * np.sqrt(24 * 365)
        self.weights[:-1] = self.weights[1:]
        self.weights[-1] = min(1.0, self.target / vol) if r.sum() > 0 else 0.0
        mask = self.weights > 0
        mean = self.weights[mask].mean() if mask.any() else 0.0
        if abs(mean * 100 - self._held()) > 10:
            self.target_percent(mean * 100)

    def _held(self):
        return 100 * self.get_position_size() * self.current_price / self.get_portfolio_value()
