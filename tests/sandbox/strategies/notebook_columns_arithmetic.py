"""Whole columns in arithmetic: typical price and a mask, no slices written out."""
import numpy as np

class Columns(Strategy):
    def on_data(self, data):
        typical = (self.bars.high + self.bars.low + self.bars.close) / 3
        up = self.bars.close > self.bars.open
        share = float(np.mean(up[-20:]))
        if share > 0.6 and data.close > typical[-20:].mean():
            self.target_percent(50)
        elif share < 0.4:
            self.target_percent(0)
