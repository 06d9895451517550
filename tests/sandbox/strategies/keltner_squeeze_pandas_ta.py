"""A squeeze of Bollinger inside Keltner bands, with pandas_ta on the recent history."""
import pandas_ta as ta


class Squeeze(Strategy):
    lookback = 60
    every = 4

    def initialize(self):
        self.n = 0

    def on_data(self, data):
        self.n += 1
        if self.n < self.lookback or self.n % self.every:
            return
        df = self.history(self.lookback)
        bands = ta.bbands(df["close"], length=20, std=2)
        channel = ta.kc(df["high"], df["low"], df["close"], length=20)
        squeezed = bands.iloc[-1, 0] > channel.iloc[-1, 0] and bands.iloc[-1, 2] < channel.iloc[-1, 2]
        momentum = df.ta.mom(length=10).iloc[-1]
        if not squeezed and momentum > 0:
            self.target_percent(50)
        elif momentum < 0:
            self.target_percent(0)
