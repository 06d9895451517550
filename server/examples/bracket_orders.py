"""Stop and target.

Buys three rising closes in a row with a stop loss and a take profit set in the same call.
Risking one to win two means that it may lose more often than it wins and still earn.
"""

from sandtable import Strategy


class BracketOrders(Strategy):
    risk_percent = 1.5
    reward = 2.0

    def on_data(self, data):
        closes = self.bars.close[-4:]
        if len(closes) < 4 or self.get_position_size() != 0:
            return
        if closes[0] < closes[1] < closes[2] < closes[3]:
            risk = data.close * self.risk_percent / 100
            # An order that brings its levels along needs an amount, and while nothing is held all
            # cash is free: nine tenths of it leave room for the fee and a higher open. Beside an
            # order that closes a position, size with target_percent instead.
            amount = self.get_cash() * 0.9 / data.close
            self.buy(
                amount, stop_loss=data.close - risk, take_profit=data.close + self.reward * risk
            )

    def on_fill(self, trade):
        if trade["reason"] != "order":
            self.log(f"{trade['reason']} at {trade['price']:g}: {trade['pnl']:+g}")
