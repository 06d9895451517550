"""Steady buyer.

Spends the same amount every Monday until the money is gone, and never sells.
There is no closed trade to judge, only an open position and the curve beside buying all at once.
"""

from sandtable import Strategy


class SteadyBuyer(Strategy):
    weekly = 100.0

    def on_data(self, data):
        monday = data.timestamp.weekday() == 0 and data.timestamp.hour == 0
        if monday and self.get_cash() > self.weekly * 1.01:
            self.buy(self.weekly / data.close)
