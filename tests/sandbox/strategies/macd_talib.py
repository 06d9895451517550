"""MACD histogram turns, computed once over the range and revealed bar by bar."""
import talib


class MacdTurn(Strategy):
    fast, slow, signal = 12, 26, 9

    def initialize(self):
        self.indicator("macd", talib.MACD, "close", self.fast, self.slow, self.signal)

    def on_data(self, data):
        line, signal, hist = self.indicators["macd"]
        try:
            now, before = hist[-1], hist[-2]
        except IndexError:
            return
        if before < 0 <= now:
            self.buy(0.4)
        if before > 0 >= now:
            self.close_position(50)
            self.plot("hist", now)
