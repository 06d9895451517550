from __future__ import annotations

import datetime


class TestStrategy(Strategy):
    params = dict(maperiod=15, printlog=True, exitbars=9)

    def log_txt(self, txt, dt=None, doprint=False):
        """Logging function fot this strategy"""
        if self.params["printlog"] or doprint:
            dt = dt or self.timestamp.date()
            print("%s, %s" % (dt.isoformat(), txt))

    def initialize(self):
        self.order = None
        self.buyprice = None
        self.buycomm = None
        self.bar_executed = 0
        self.n = 0

    def on_fill(self, trade):
        if trade["action"] == "buy":
            self.log_txt(
                "BUY EXECUTED, Price: %.2f, Cost: %.2f, Comm %.2f"
                % (trade["price"], trade["price"] * trade["quantity"], trade["fee"])
            )
            self.buyprice = trade["price"]
            self.buycomm = trade["fee"]
        else:
            self.log_txt("SELL EXECUTED, Price: %.2f" % trade["price"])
            self.log_txt("OPERATION PROFIT, NET %.2f" % trade["pnl"])
        self.bar_executed = self.n
        self.order = None

    def on_data(self, data):
        self.n += 1
        closes = self.bars.close
        if len(closes) < self.params["maperiod"]:
            return
        sma = sum(closes[-self.params["maperiod"]:]) / self.params["maperiod"]
        if self.order:
            return
        if not self.get_position_size():
            if closes[-1] > sma:
                self.log_txt("BUY CREATE, %.2f" % closes[-1])
                self.order = self.buy(0.1)
                self.order = None
        else:
            if self.n >= (self.bar_executed + self.params["exitbars"]):
                self.log_txt("SELL CREATE, %.2f" % closes[-1])
                self.order = self.sell(self.get_position_size())
                self.order = None

    def on_finish(self):
        self.log_txt(
            "(MA Period %2d) Ending Value %.2f"
            % (self.params["maperiod"], self.get_portfolio_value()),
            doprint=True,
        )
