"""freqtrade with talib.abstract and the surplus numbers of many published files."""
import talib.abstract as ta

class Stoch(Strategy):
    startup_candle_count = 30
    def on_data(self, data):
        frame = self.history(self.startup_candle_count)
        if len(frame) < self.startup_candle_count:
            return
        fast = ta.STOCHF(frame, 5, 3, 0, 3, 0)
        frame["fastk"], frame["fastd"] = fast["fastk"], fast["fastd"]
        last = frame.iloc[-1]
        if last["fastk"] < 20 and last["fastk"] > last["fastd"] and not self.get_position_size():
            self.buy(0.2)
        elif last["fastk"] > 80 and self.get_position_size():
            self.close_position()
