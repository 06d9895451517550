"""A Pine script's Heikin-Ashi colour change, with Pine's `var`s as attributes."""


def ha(o, h, l, c, prev):
    hc = (o + h + l + c) / 4
    ho = (prev[0] + prev[1]) / 2 if prev else (o + c) / 2
    return ho, hc


class HeikinAshi(Strategy):
    confirm = 2

    def initialize(self):
        self.prev = None
        self.green = self.red = 0

    def on_data(self, data):
        self.prev = o, c = ha(data["open"], data["high"], data["low"], data["close"], self.prev)
        self.green = self.green + 1 if c > o else 0
        self.red = self.red + 1 if c < o else 0
        if self.green == self.confirm:
            self.buy(0.25)
        if self.red == self.confirm:
            self.close_position()
