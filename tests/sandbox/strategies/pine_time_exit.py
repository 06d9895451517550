"""strategy.exit after so many bars, as in Pine: bar_index - strategy.opentrades.entry_bar_index."""
class Timed(Strategy):
    hold = 12
    def on_data(self, data):
        if self.get_position_age() >= self.hold:
            self.close_position()
        elif self.get_position_age() < 0 and data.close < data.open and data.timestamp.hour % 6 == 0:
            self.buy(0.1)
