"""Too much leverage.

Buys dips with so much leverage that an ordinary bad hour ends in a liquidation.
It is here to be looked at: see how little the price had to move, and what was left.
"""

from sandtable import Strategy


class Overleveraged(Strategy):
    leverage = 40.0
    percent = 25.0
    dip_percent = 1.0

    def on_data(self, data):
        if self.get_position_size() != 0:
            if data.close > self.get_entry_price() * 1.02:
                self.close_position()
            return
        closes = self.bars.close
        if len(closes) > 1 and data.close < closes[-2] * (1 - self.dip_percent / 100):
            self.target_percent(self.percent, leverage=self.leverage)

    def on_fill(self, trade):
        if trade["action"] == "liquidation":
            self.log(f"liquidated at {trade['price']:g}, {self.get_cash():g} left")
