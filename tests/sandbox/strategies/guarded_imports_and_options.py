from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

try:
    import scipy.stats as stats
except ImportError:
    stats = None
try:
    import talib
except ImportError:
    talib = None

if TYPE_CHECKING:
    from engine.bar import Bar

warnings.filterwarnings("ignore")
pd.set_option("display.width", 200)
pd.options.mode.chained_assignment = None
np.set_printoptions(precision=4, suppress=True)


class Guarded(Strategy):
    """As people start the files that they keep for years."""

    size = 0.001

    def initialize(self) -> None:
        self.state = SimpleNamespace(entries=0, data=[])
        if talib is not None:
            self.indicator("rsi", talib.RSI, "close", 14)
        print("scipy" if stats else "no scipy")

    def on_data(self, data: Bar) -> None:
        rsi = self.indicators["rsi"]
        if not len(rsi):
            return
        self.state.data.append(rsi[-1])
        if rsi[-1] < 40 and not self.get_position_size():
            self.state.entries += self.buy(self.size)
        elif rsi[-1] > 60:
            self.close_position()

    def on_finish(self) -> None:
        print(self.state.entries, len(self.state.data))


if __name__ == "__main__":
    from backtesting import Backtest
