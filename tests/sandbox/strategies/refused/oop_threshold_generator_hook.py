class Lazy(Strategy):
    def on_data(self, data):
        while True:
            if data.close > 100:
                self.buy(0.1)
            data = yield
