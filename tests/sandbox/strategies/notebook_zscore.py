"""A quant notebook: z-score of log prices, positions sized by it."""
import numpy as np

class ZScore(Strategy):
    window, entry = 48, 1.2
    def on_data(self, data):
        log_price = np.log(np.asarray(self.bars.close[-self.window:]))
        if len(log_price) < self.window or data.timestamp.hour % 4:
            return
        z = (log_price[-1] - log_price.mean()) / log_price.std(ddof=1)
        weight = float(np.clip(-z / self.entry, 0, 1))
        self.plot("z", z)
        self.target_percent(round(80 * weight, 0))
