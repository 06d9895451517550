"""Opens at every bar but those before which the price falls; closes at the next bar."""


class Vetoes(Strategy):
    known = ""

    def initialize(self):
        honest = {int(length) - 1 for length in self.known.split()}

        def goes(close):
            last = len(close) - 1
            return [
                1.0 if i == last or i in honest or close[i + 1] > close[i] else 0.0
                for i in range(len(close))
            ]

        self.indicator("go", goes, "close")

    def on_data(self, data):
        if self.get_position_size() != 0:
            self.close_position()
        elif self.indicators["go"][-1] > 0.0:
            self.buy(1.0)
