"""backtesting.py the way its documentation does it: indicators declared, fills on the close.

Fractional units, because whole ones would cut the sizes; its progress bar is off.
"""

from __future__ import annotations

import backtesting.backtesting as inside
import pandas as pd
from backtesting import Strategy
from backtesting.lib import FractionalBacktest, crossover
from common import CASH, EVERY, FAST, FEE_RATE, SHARE, SLOW, WORKLOAD, frame, measure

inside._tqdm = lambda sequence, **_: sequence
UNIT = 1e-8


def mean(values: pd.Series, length: int) -> pd.Series:
    return pd.Series(values).rolling(length).mean()


class MeanCross(Strategy):
    def init(self) -> None:
        self.fast = self.I(mean, self.data.Close, FAST)
        self.slow = self.I(mean, self.data.Close, SLOW)

    def next(self) -> None:
        if crossover(self.fast, self.slow):
            self.buy(size=SHARE)
        elif crossover(self.slow, self.fast):
            self.position.close()


class EveryTenBars(Strategy):
    def init(self) -> None:
        self.bar = 0

    def next(self) -> None:
        turn, rest = divmod(self.bar, EVERY)
        self.bar += 1
        if rest == 0:
            self.position.close()
            enter = self.buy if turn % 2 == 0 else self.sell
            enter(size=round(1 / UNIT))


backtest = FractionalBacktest(
    frame({name.lower(): name for name in ("Open", "High", "Low", "Close", "Volume")}),
    {"A": MeanCross, "B": EveryTenBars}[WORKLOAD],
    cash=CASH[WORKLOAD],
    commission=FEE_RATE,
    trade_on_close=True,
    finalize_trades=True,
    fractional_unit=UNIT,
)


def run() -> tuple[float, int]:
    stats = backtest.run()
    return float(stats["Equity Final [$]"]), int(stats["# Trades"])


measure(run)
