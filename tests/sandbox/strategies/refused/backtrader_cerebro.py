from __future__ import absolute_import, division, print_function, unicode_literals

import datetime
import os.path  # To manage paths
import sys  # To find out the script name (in argv[0])

import backtrader as bt


class TestStrategy(bt.Strategy):
    params = (("maperiod", 15),)

    def __init__(self):
        self.dataclose = self.datas[0].close
        self.sma = bt.indicators.SimpleMovingAverage(self.datas[0], period=self.params.maperiod)

    def next(self):
        if not self.position:
            if self.dataclose[0] > self.sma[0]:
                self.order = self.buy()
        elif self.dataclose[0] < self.sma[0]:
            self.order = self.sell()
