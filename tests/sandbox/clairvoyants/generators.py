"""A generator that an indicator's function filled gives out the plan, a bar at a time."""


def plan():
    closes = yield
    for now, then in zip(closes, closes[1:], strict=False):
        yield then - now
    while True:
        yield 0.0


class Generators(Strategy):
    def initialize(self):
        self.moves = plan()
        next(self.moves)

        def fills(close):
            self.moves = plan()
            next(self.moves)
            self.first = self.moves.send(list(close))
            return close

        self.indicator("price", fills, "close")
        self.move = self.first

    def on_data(self, data):
        if self.move > 0.0 and self.get_position_size() == 0:
            self.buy(1.0 + self.move)
        elif self.move < 0.0:
            self.close_position()
        self.move = next(self.moves)
