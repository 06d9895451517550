"""Daily trend by resampling the history, entries on the hours."""
import pandas as pd


class Resampled(Strategy):
    days = 8

    def initialize(self):
        self.trend = 0

    def on_data(self, data):
        if data.timestamp.hour == 0:
            frame = self.history(24 * self.days).set_index("timestamp")
            daily = frame.resample("1D").agg(
                {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
            )
            if len(daily) >= 3:
                ema = daily["close"].ewm(span=3).mean()
                self.trend = 1 if ema.iloc[-1] > ema.iloc[-2] else -1
                weekly = daily["close"].rolling("3D").apply(lambda s: s.iloc[-1] - s.iloc[0])
                self.log("%s %+.2f" % (pd.Timestamp(data.timestamp).isoformat(), weekly.iloc[-1]))
        if self.trend > 0 and data.close < data.open:
            self.target_percent(60)
        elif self.trend < 0:
            self.target_percent(0)
