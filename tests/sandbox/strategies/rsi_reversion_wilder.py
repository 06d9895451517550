"""Buy oversold, sell overbought, with Wilder's RSI kept up by hand."""
from sandtable import Strategy


class WilderRsi(Strategy):
    period: int = 14
    low, high = 30, 70

    def initialize(self):
        self._previous = None
        self._gain = self._loss = 0.0
        self._seen = 0

    def _update(self, price):
        if self._previous is not None:
            change = price - self._previous
            gain, loss = max(change, 0.0), max(-change, 0.0)
            self._seen += 1
            if self._seen <= self.period:
                self._gain += gain / self.period
                self._loss += loss / self.period
            else:
                self._gain += (gain - self._gain) / self.period
                self._loss += (loss - self._loss) / self.period
        self._previous = price
        return 100 - 100 / (1 + self._gain / self._loss) if self._loss else 100.0

    def on_data(self, data):
        rsi = self._update(data.close)
        if self._seen < self.period:
            return
        holding = self.get_position_size() > 0
        if rsi < self.low and not holding:
            self.target_percent(80)
        elif rsi > self.high and holding:
            self.target_percent(0)
