"""An exponential average made by closures; counters by nonlocal and global."""
fills = 0


def make_ema(span):
    alpha = 2 / (span + 1)
    value = None

    def update(price):
        nonlocal value
        value = price if value is None else value + alpha * (price - value)
        return value

    return update


class Closures(Strategy):
    def initialize(self):
        self.averages = {span: make_ema(span) for span in (8, 21, 55)}

    def on_data(self, data):
        global fills
        values = [update(data.close) for update in self.averages.values()]
        if values == sorted(values, reverse=True) and (size := self.get_position_size()) < 0.5:
            self.buy(0.1 if size else 0.2)
            fills += 1
        elif values[0] < values[1]:
            self.close_position()

    def on_finish(self):
        print("orders", fills, sep=": ")
