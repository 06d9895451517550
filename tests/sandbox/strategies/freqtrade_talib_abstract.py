import talib.abstract as ta
import numpy as np


class FA(Strategy):
    base = 0.001
    style = "calm"
    data = []

    def on_data(self, data):
        df = self.history(60)
        if len(df) < 60 or data.timestamp.hour % 2:
            return
        df["rsi"] = ta.RSI(df, timeperiod=14)
        macd = ta.MACD(df)
        df["hist"] = macd["macdhist"]
        bb = ta.BBANDS(df, timeperiod=20, nbdevup=2.0, nbdevdn=2.0)
        df["adx"] = ta.ADX(df)
        self.data.append(df["rsi"].iloc[-1])
        last = df.iloc[-1]
        if (
            last.rsi < 40
            and data.close < bb["middleband"].iloc[-1]
            and not self.get_position_size()
        ):
            self.buy(self.base)
        elif last["rsi"] > 60 and last["hist"] > 0:
            self.close_position()

    def on_finish(self):
        print(len(self.data), f"{np.mean(self.data):.4f}", self.style, self.base)
