"""Stop entries above the range, brackets with a trailing stop."""


class Bracket(Strategy):
    window = 12
    distance = 0.02

    def initialize(self):
        self.waiting = False

    def on_data(self, data):
        highs = self.bars.high[-self.window:]
        if len(highs) < self.window:
            return
        if not self.get_position_size() and not self.waiting:
            top = float(highs.max())
            self.buy(0.2, stop=top, stop_loss=top * (1 - 2 * self.distance), take_profit=top * 1.05)
            self.waiting = True

    def on_fill(self, trade):
        if trade["action"] == "buy":
            self.set_trailing_stop(trade["price"] * self.distance)
        else:
            self.waiting = False
            self.cancel_orders()

    def on_finish(self):
        self.log(f"{len(self.portfolio.trades)} rows, {self.portfolio.cash:,.2f} left")
