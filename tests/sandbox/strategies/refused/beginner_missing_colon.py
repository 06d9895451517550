class MyBot(Strategy):
    def on_data(self, data):
        if data["close"] > 100
            self.buy(1)
