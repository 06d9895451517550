class BuyBot(Strategy):
    def on_data(self, data):
        self.buy(0.1)


class SellBot(Strategy):
    def on_data(self, data):
        self.sell(0.1)
