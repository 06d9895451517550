# my first bot: buy when the price goes up two times, sell when it goes down
class MyBot(Strategy):
    def on_data(self, data):
        if not hasattr(self, "last"):
            self.last = data["close"]
            self.count = 0
            return
        if data["close"] > self.last:
            self.count = self.count + 1
        else:
            self.count = 0
        if self.count == 2 and self.get_position_size() == 0:
            self.buy(0.1)
            print("bought at", data["close"])
        if data["close"] < self.last and self.get_position_size() > 0:
            self.sell(self.get_position_size())
        self.last = data["close"]
