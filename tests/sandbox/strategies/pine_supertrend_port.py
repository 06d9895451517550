# //@version=5
# strategy("Supertrend", overlay=true)
# translated line by line, `var` became attributes, `nz` a function
import math

na = float("nan")


def nz(x, y=0.0):
    return y if x is None or math.isnan(x) else x


class SupertrendPine(Strategy):
    atrPeriod = 10
    factor = 2.5

    def initialize(self):
        self.atr = na
        self.prev_close = na
        self.upperBand = na
        self.lowerBand = na
        self.superTrend = na
        self.direction = na

    def on_data(self, bar):
        src = (bar.high + bar.low) / 2
        tr = (
            bar.high - bar.low
            if math.isnan(self.prev_close)
            else max(bar.high - bar.low, abs(bar.high - self.prev_close), abs(bar.low - self.prev_close))
        )
        self.atr = tr if math.isnan(self.atr) else (self.atr * (self.atrPeriod - 1) + tr) / self.atrPeriod
        upperBand, lowerBand = src + self.factor * self.atr, src - self.factor * self.atr
        prevLower, prevUpper = nz(self.lowerBand), nz(self.upperBand)
        lowerBand = lowerBand if lowerBand > prevLower or self.prev_close < prevLower else prevLower
        upperBand = upperBand if upperBand < prevUpper or self.prev_close > prevUpper or prevUpper == 0 else prevUpper
        prevSuper, prevDirection = self.superTrend, self.direction
        if math.isnan(prevSuper):
            self.direction = 1
        elif prevSuper == prevUpper:
            self.direction = -1 if bar.close > upperBand else 1
        else:
            self.direction = 1 if bar.close < lowerBand else -1
        self.superTrend = lowerBand if self.direction == -1 else upperBand
        self.upperBand, self.lowerBand, self.prev_close = upperBand, lowerBand, bar.close
        self.plot("Supertrend", self.superTrend)
        if self.direction < 0 and prevDirection == 1:
            self.target_percent(100)  # strategy.entry("My Long Entry Id", strategy.long)
        if self.direction > 0 and prevDirection == -1:
            self.close_position()
