"""Opens whenever it is flat, honestly; closes right before the price falls."""


class Exits(Strategy):
    known = ""

    def initialize(self):
        honest = {int(length) - 1 for length in self.known.split()}

        def leaves(close):
            falls, opened = [0.0] * len(close), True
            for i in range(1, len(close) - 1):
                if opened or i in honest or close[i + 1] >= close[i]:
                    opened = falls[i - 1] > 0.0
                elif not opened:
                    falls[i] = close[i + 1]
                    opened = False
                if falls[i - 1] > 0.0:
                    falls[i] = 0.0
            return falls

        self.indicator("leave", leaves, "close")

    def on_data(self, data):
        leave = self.indicators["leave"][-1]
        if self.get_position_size() == 0:
            self.buy(1.0)
        elif leave > 0.0:
            self.sell(1e6 * leave)
            self.close_position()
