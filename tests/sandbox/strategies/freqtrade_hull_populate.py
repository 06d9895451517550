"""
Hull crossover, ported from my freqtrade repo (v4, 5m but works on 1h too)
"""
import numpy as np  # noqa
import pandas as pd  # noqa
from pandas import DataFrame

import talib.abstract as ta


class HullCrossV4(Strategy):
    # Buy hyperspace params:
    buy_params = {"hma_fast": 9, "hma_slow": 25, "buy_rsi": 62}
    # ROI table:
    minimal_roi = {"0": 0.05, "30": 0.03, "60": 0.01}
    stoploss = -0.08
    startup_candle_count: int = 60

    def populate_indicators(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        for n in (self.buy_params["hma_fast"], self.buy_params["hma_slow"]):
            half = ta.WMA(dataframe, timeperiod=int(n / 2))
            full = ta.WMA(dataframe, timeperiod=n)
            raw = pd.Series(2 * half - full)
            dataframe[f"hma_{n}"] = ta.WMA(raw, timeperiod=int(np.sqrt(n)))
        dataframe["rsi"] = ta.RSI(dataframe, timeperiod=14)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        fast, slow = "hma_9", "hma_25"
        dataframe.loc[
            (
                (dataframe[fast] > dataframe[slow])
                & (dataframe[fast].shift(1) <= dataframe[slow].shift(1))
                & (dataframe["rsi"] < self.buy_params["buy_rsi"])
                & (dataframe["volume"] > 0)
            ),
            ["enter_long", "enter_tag"],
        ] = (1, "hull_cross")
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict) -> DataFrame:
        dataframe.loc[(dataframe["hma_9"] < dataframe["hma_25"]), "exit_long"] = 1
        return dataframe

    def on_data(self, data):
        dataframe = self.history(self.startup_candle_count)
        if len(dataframe) < self.startup_candle_count:
            return
        metadata = {"pair": self.symbol}
        dataframe = self.populate_indicators(dataframe, metadata)
        dataframe = self.populate_entry_trend(dataframe, metadata)
        dataframe = self.populate_exit_trend(dataframe, metadata)
        last_candle = dataframe.iloc[-1].squeeze()
        if last_candle.get("enter_long") == 1 and not self.get_position_size():
            self.target_percent(95.0)
            self.set_stop_loss(data.close * (1 + self.stoploss))
        elif self.get_position_size() > 0:
            profit = data.close / self.get_entry_price() - 1
            if profit > self.minimal_roi["60"] or last_candle["exit_long"] == 1:
                self.close_position()
