"""Daily pivots by time, made of the timestamp column."""
import pandas as pd

def pivot(ms, high, low, close):
    frame = pd.DataFrame({"h": high, "l": low, "c": close}, index=pd.to_datetime(ms, unit="ms"))
    daily = frame.resample("1D").agg({"h": "max", "l": "min", "c": "last"})
    level = ((daily["h"] + daily["l"] + daily["c"]) / 3).shift(1)
    return level.reindex(frame.index.normalize()).to_numpy()

class Pivots(Strategy):
    def initialize(self):
        self.indicator("pivot", pivot, "timestamp_ms", "high", "low", "close")
        self.wait_for_indicators()
    def on_data(self, data):
        self.target_percent(70 if data.close > self.indicators["pivot"][-1] else 0)
