# uses only lists
class Averages(Strategy):
    def initialize(self):
        self.prices = []
    def average(self, n):
        return sum(self.prices[-n:]) / n
    def on_data(self, data):
        self.prices.append(data.close)
        if len(self.prices) < 30:
            return
        short = self.average(10)
        long = self.average(30)
        have = self.get_position_size() > 0
        if short > long and have == False:
            self.buy(0.2)
        if short < long and have == True:
            self.close_position(100)
