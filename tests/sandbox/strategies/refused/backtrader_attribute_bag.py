class Params:
    def __init__(self, **kwargs):
        self.__dict__.update(kwargs)


class Cross(Strategy):
    def initialize(self):
        self.p = Params(period=15, size=0.1)

    def on_data(self, data):
        if len(self.bars) == self.p.period:
            self.buy(self.p.size)
