import pandas as pd
import numpy as np

def slope(y):
    x = np.arange(len(y))
    return np.polyfit(x, y, 1)[0] / y.mean()

def hma_slope(close):
    s = pd.Series(close)
    hma = (2 * s.ewm(span=8, adjust=False).mean() - s.ewm(span=16, adjust=False).mean()).ewm(span=4).mean()
    return hma.rolling(10).apply(slope, raw=True)

class Slopes(Strategy):
    threshold = 0.0008
    def initialize(self):
        self.indicator("slope", hma_slope, "close")
        self.wait_for_indicators()
    def on_data(self, data):
        s = self.indicators["slope"][-1]
        df = self.history(30)
        df["tr"] = df.apply(lambda row: max(row["high"] - row["low"], abs(row["high"] - row["open"])), axis=1)
        q = df["tr"].quantile([0.25, 0.5, 0.75]).to_list()
        quiet = df["tr"].iloc[-1] <= q[-1]
        if s > self.threshold and quiet:
            self.target_percent(85)
        elif s < -self.threshold:
            self.target_percent(0)
