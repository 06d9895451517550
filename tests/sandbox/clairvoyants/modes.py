"""A bit of the future in each mode that the libraries keep; they are read back at every bar."""

import decimal

import numpy as np

DROPS = []


class Modes(Strategy):
    def initialize(self):
        def sets(close):
            decimal.getcontext().prec = 5 + int(close[-1] * 1e6) % 20
            np.seterr(over="ignore" if close[-1] > close[-2] else "warn")
            DROPS[:] = [i for i in range(1, len(close)) if close[i] < close[i - 1]]
            return close

        self.indicator("price", sets, "close")

    def on_data(self, data):
        bit = np.geterr()["over"] == "warn"
        if self.get_position_size() != 0:
            self.close_position()
        elif len(self.bars) not in DROPS:
            self.buy(0.01 * decimal.getcontext().prec + 0.5 * bit)
