"""Candlestick patterns of TA-Lib voted over."""
import talib as ta

PATTERNS = [ta.CDLENGULFING, ta.CDLHAMMER, ta.CDLDOJI, ta.CDLMORNINGSTAR, ta.CDLSHOOTINGSTAR]


class Candles(Strategy):
    need = 100

    def initialize(self):
        for i, function in enumerate(PATTERNS):
            self.indicator(f"p{i}", function, "open", "high", "low", "close")
        self.indicator("atr", ta.ATR, "high", "low", "close", 14)
        self.indicator("smooth", ta.EMA, "atr", 5)

    def on_data(self, data):
        votes = sum(self.indicators[f"p{i}"][-1] for i in range(len(PATTERNS)))
        atr = self.indicators["smooth"][-1]
        if votes >= self.need and not self.get_position_size():
            self.buy(0.2, stop_loss=data.close - 2 * atr if atr == atr else None)
        elif votes <= -self.need:
            self.close_position()
