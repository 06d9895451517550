"""Short into strength in futures and collect; isolated margin watched."""
# mode: futures


class Carry(Strategy):
    leverage = 2.0
    floor = 1.2

    def initialize(self):
        self.entries = 0

    def on_data(self, data):
        ratio = self.get_margin_ratio()
        if ratio < self.floor:
            self.close_position(25)
        info_dict = self.portfolio.positions.get(self.symbol)
        if info_dict is None and data.close > data.open * 1.004:
            if self.sell(0.4, leverage=self.leverage, take_profit=data.close * 0.985):
                self.entries += 1
        elif info_dict and data.close > info_dict["entry_price"] * 1.02:
            self.buy(abs(info_dict["quantity"]))
