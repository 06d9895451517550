"""Bollinger mean reversion as freqtrade lays it out: indicators, entry column, exit column."""
import numpy as np
import pandas as pd
import talib


class BollingerDip(Strategy):
    timeframe = "1h"
    stoploss = -0.05
    startup_candle_count: int = 40
    minimal_roi = {"0": 0.04, "24": 0.01}

    def initialize(self):
        self.opened = None

    def populate_indicators(self, dataframe: pd.DataFrame, metadata: dict) -> pd.DataFrame:
        upper, middle, lower = talib.BBANDS(dataframe["close"], timeperiod=20, nbdevup=2, nbdevdn=2)
        dataframe["bb_lower"], dataframe["bb_middle"] = lower, middle
        dataframe["rsi"] = talib.RSI(dataframe["close"], timeperiod=14)
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[
            (dataframe["close"] < dataframe["bb_lower"]) & (dataframe["rsi"] < 40) & (dataframe["volume"] > 0),
            "enter_long",
        ] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe["exit_long"] = np.where(dataframe["close"] > dataframe["bb_middle"], 1, 0)
        return dataframe

    def on_data(self, data):
        frame = self.history(self.startup_candle_count)
        if len(frame) < self.startup_candle_count:
            return
        frame["enter_long"] = 0
        pair = {"pair": data.symbol}
        frame = self.populate_indicators(frame, pair)
        frame = self.populate_exit_trend(self.populate_entry_trend(frame, pair), pair)
        row = frame.iloc[-1]
        if row["enter_long"] == 1 and self.get_position_size() == 0:
            self.buy(0.3, stop_loss=data.close * (1 + self.stoploss))
        elif row["exit_long"] == 1:
            self.close_position()
