class MyBot(Strategy):
    def initialize(self):
        self.n = 0

    def next(self):
        self.n += 1
        if self.n == 10:
            self.buy(1)
