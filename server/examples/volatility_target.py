"""Volatility target.

Holds less of the market the wilder it gets, so that a day's risk stays about the same.
Compare its deepest drawdown with that of buying and holding.
"""

import numpy as np
from sandtable import Strategy


class VolatilityTarget(Strategy):
    days = 20
    target = 40.0

    def on_data(self, data):
        closes = self.bars.close[-self.days - 1 :]
        if len(closes) <= self.days:
            return
        yearly = np.std(np.diff(closes) / closes[:-1]) * np.sqrt(365) * 100
        wanted = min(98.0, 100 * self.target / max(yearly, 1.0))
        held = 100 * self.get_position_size() * data.close / self.get_portfolio_value()
        # Small corrections would cost more in fees than they save in risk.
        if abs(wanted - held) > 10:
            self.target_percent(wanted)
