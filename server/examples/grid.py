"""Grid.

Rests limit orders below the price and takes a small profit on each, again and again.
Its curve rises smoothly until the market leaves the grid, which is when it holds the most.
"""

from sandtable import Strategy


class Grid(Strategy):
    steps = 5
    step_percent = 1.0

    def on_data(self, data):
        if self.get_position_size() > 0:
            self.set_take_profit(self.get_entry_price() * (1 + self.step_percent / 100))
            return
        self.cancel_orders()
        # Each limit has a price and so an amount of its own. Nothing is held here, so all cash is
        # free; to buy at the market instead, size with target_percent.
        money = self.get_cash() * 0.95 / self.steps
        for step in range(1, self.steps + 1):
            price = data.close * (1 - step * self.step_percent / 100)
            self.buy(money / price, limit=price)
