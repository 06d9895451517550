"""SuperTrend long and short with leverage, structured with QuantConnect's camel case helpers."""
# mode: futures


class AverageTrueRange:
    def __init__(self, period):
        self.Period = period
        self.Current = None
        self._last = None
        self._n = 0

    @property
    def IsReady(self):
        return self._n >= self.Period

    def Update(self, bar):
        tr = bar.high - bar.low
        if self._last is not None:
            tr = max(tr, abs(bar.high - self._last), abs(bar.low - self._last))
        self._n += 1
        self.Current = tr if self.Current is None else self.Current + (tr - self.Current) / self.Period
        self._last = bar.close


class SuperTrend(Strategy):
    Multiplier = 3.0
    Leverage = 3

    def initialize(self):
        self.atr = AverageTrueRange(10)
        self.trend, self.stop = 0, None

    def on_data(self, slice):
        self.atr.Update(slice)
        if not self.atr.IsReady:
            return
        mid = (slice.high + slice.low) / 2
        offset = self.Multiplier * self.atr.Current
        if self.trend >= 0:
            self.stop = max(self.stop or mid - offset, mid - offset)
            if slice.close < self.stop:
                self.trend, self.stop = -1, mid + offset
                self.target_percent(-60, leverage=self.Leverage)
                return
        if self.trend <= 0:
            self.stop = min(self.stop or mid + offset, mid + offset)
            if slice.close > self.stop:
                self.trend, self.stop = 1, mid - offset
                self.target_percent(60, leverage=self.Leverage)
