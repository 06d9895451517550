"""A grid of resting limit orders below the price, sold one step higher."""


class Grid(Strategy):
    step = 0.01
    levels = 4
    size = 0.05

    def initialize(self):
        self.open_levels = {}
        self.anchor = None

    def on_data(self, data):
        if self.anchor is None or abs(data.close / self.anchor - 1) > 2 * self.step:
            self.cancel_orders()
            self.anchor = data.close
            for k in range(1, self.levels + 1):
                price = self.anchor * (1 - k * self.step)
                self.open_levels[k] = price
                self.buy(self.size, limit=price)
            del self.open_levels[1]

    def on_fill(self, trade):
        if trade["action"] == "buy" and trade["reason"] == "limit":
            self.sell(trade["quantity"], limit=trade["price"] * (1 + self.step))
