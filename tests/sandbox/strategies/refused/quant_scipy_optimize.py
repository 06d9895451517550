import numpy as np
from scipy.optimize import minimize
from scipy.stats import norm


class Fitted(Strategy):
    def on_data(self, data):
        r = np.diff(np.log(self.bars.close[-200:]))
        best = minimize(lambda p: -norm.logpdf(r, p[0], abs(p[1])).sum(), [0.0, 0.01])
        if best.x[0] > 0:
            self.target_percent(100)
