"""A Pine script's ta.crossover and ta.rsi, bar by bar."""
import talib

class PineRsi(Strategy):
    length = 14
    def initialize(self):
        self.indicator("rsi", talib.RSI, "close", self.length)
        self.wait_for_indicators()
    def on_data(self, data):
        rsi = self.indicators["rsi"]
        if crossover(rsi, 35) and not self.get_position_size():
            self.buy(0.2)
        elif crossunder(rsi, 60) and self.get_position_size() > 0:
            self.close_position()
