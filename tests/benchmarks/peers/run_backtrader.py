"""backtrader the way its documentation does it: its indicators, fills at the close.

Its fastest documented mode (preloaded, indicators computed at once) is its default.
"""

from __future__ import annotations

import backtrader as bt
from common import CASH, EVERY, FAST, FEE_RATE, SHARE, SLOW, WORKLOAD, frame, measure


class Counting(bt.Strategy):
    closed = 0

    def notify_trade(self, trade: bt.Trade) -> None:
        self.closed += trade.isclosed


class MeanCross(Counting):
    def __init__(self) -> None:
        self.cross = bt.ind.CrossOver(bt.ind.SMA(period=FAST), bt.ind.SMA(period=SLOW))

    def next(self) -> None:
        if self.cross[0] > 0:
            self.buy(size=SHARE * self.broker.getcash() / self.data.close[0])
        elif self.cross[0] < 0 and self.position:
            self.close()


class EveryTenBars(Counting):
    def __init__(self) -> None:
        self.bar = 0

    def next(self) -> None:
        turn, rest = divmod(self.bar, EVERY)
        self.bar += 1
        if rest == 0:
            self.close()
            enter = self.buy if turn % 2 == 0 else self.sell
            enter(size=1.0)


bars = frame({name: name for name in ("open", "high", "low", "close", "volume")})


def run() -> tuple[float, int]:
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcash(CASH[WORKLOAD])
    cerebro.broker.setcommission(FEE_RATE)
    cerebro.broker.set_coc(True)
    cerebro.adddata(bt.feeds.PandasData(dataname=bars))
    cerebro.addstrategy({"A": MeanCross, "B": EveryTenBars}[WORKLOAD])
    (strategy,) = cerebro.run()
    return cerebro.broker.getvalue(), strategy.closed


measure(run)
