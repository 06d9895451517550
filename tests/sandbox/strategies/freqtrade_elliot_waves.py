# EWO strategy, original idea by @Rallipanos, adapted
import talib.abstract as ta
import pandas as pd
from functools import reduce


def EWO(dataframe, ema_length=5, ema2_length=35):
    df = dataframe.copy()
    ema1 = ta.EMA(df, timeperiod=ema_length)
    ema2 = ta.EMA(df, timeperiod=ema2_length)
    emadif = (ema1 - ema2) / df["close"] * 100
    return emadif


class ElliotV5(Strategy):
    base_nb_candles_buy = 17
    low_offset = 0.985
    ewo_high = 0.4
    ewo_low = -1.0

    def on_data(self, data):
        df = self.history(80)
        if df.shape[0] < 80:
            return
        df["ma_buy"] = ta.EMA(df, timeperiod=self.base_nb_candles_buy) * self.low_offset
        df["ma_sell"] = ta.EMA(df, int(20))
        df["EWO"] = EWO(df, 10, 40)
        df["rsi_fast"] = ta.RSI(df, timeperiod=4)
        conditions = []
        conditions.append(
            (df["rsi_fast"] < 45) & (df["close"] < df["ma_buy"]) & (df["EWO"] > self.ewo_high)
        )
        conditions.append((df["close"] < df["ma_buy"]) & (df["EWO"] < self.ewo_low))
        buy = reduce(lambda x, y: x | y, conditions)
        sell = reduce(lambda x, y: x & y, [df["close"] > df["ma_sell"], df["volume"] > 0])
        df.loc[buy, "buy"] = 1
        df.loc[sell, "sell"] = 1
        row = df.iloc[-1]
        if row["buy"] == 1 and self.get_position_size() == 0:
            self.buy(round(0.5 * self.get_cash() / row["close"], 4))
        elif row["sell"] == 1 and self.get_position_size() > 0:
            self.close_position()
