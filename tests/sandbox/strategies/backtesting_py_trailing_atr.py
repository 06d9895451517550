import numpy as np
import pandas as pd


class TrailingBase(Strategy):
    """like lib.TrailingStrategy"""

    __n_atr = 3.0
    __periods = 24

    def initialize(self):
        super().initialize()
        self.indicator("atr", self.__atr, "high", "low", "close", self.__periods)

    @staticmethod
    def __atr(h, l, c, periods):
        h, l, c = pd.Series(h), pd.Series(l), pd.Series(c)
        c_prev = c.shift(1)
        tr = np.max([h - l, (c_prev - h).abs(), (c_prev - l).abs()], axis=0)
        return pd.Series(tr).rolling(int(periods)).mean().bfill(limit=0) if False else (
            pd.Series(tr).rolling(int(periods)).mean()
        )

    def set_trailing_sl(self, n_atr: float = 6):
        self.__n_atr = n_atr

    def trail(self, price):
        atr = self.indicators["atr"][-1]
        if self.get_position_size() > 0 and atr == atr:
            new = price - atr * self.__n_atr
            self.stop = max(getattr(self, "stop", None) or -np.inf, new)
            self.set_stop_loss(self.stop)


class Breakouts(TrailingBase):
    n = 30

    def initialize(self):
        super().initialize()
        self.set_trailing_sl(4)
        self.stop = None

    def on_data(self, data):
        self.trail(data.close)
        if not self.get_position_size():
            self.stop = None
            if len(self.bars.close) > self.n and data.close >= max(self.bars.high[-self.n:-1]):
                self.buy(0.2)
