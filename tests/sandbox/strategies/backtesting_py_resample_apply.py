import pandas as pd


def SMA(values, n):
    """
    Return simple moving average of `values`, at
    each step taking into account `n` previous values.
    """
    return pd.Series(values).rolling(n).mean()


def RSI(array, n):
    """Relative strength index"""
    # Approximate; good enough
    gain = pd.Series(array).diff()
    loss = gain.copy()
    gain[gain < 0] = 0
    loss[loss > 0] = 0
    rs = gain.ewm(n).mean() / loss.abs().ewm(n).mean()
    return 100 - 100 / (1 + rs)


class System(Strategy):
    d_rsi = 30  # lookback
    level = 55

    def initialize(self):
        # was: self.ma10 = self.I(SMA, self.data.Close, 10)
        self.indicator("ma10", SMA, "close", 10)
        self.indicator("ma20", SMA, "close", 20)
        self.indicator("ma50", SMA, "close", 50)
        self.indicator("daily_rsi", RSI, "close", self.d_rsi)
        self.wait_for_indicators()

    def on_data(self, data):
        price = data.close
        ind = self.indicators
        if (
            not self.get_position_size()
            and ind["daily_rsi"][-1] > self.level
            and ind["ma10"][-1] > ind["ma20"][-1] > ind["ma50"][-1]
        ):
            # Buy at market price on next open, but do set 8% fixed stop loss.
            self.buy(0.4, stop_loss=0.92 * price)
        # If the price closes 2% or more below 10-day MA, close the position, if any.
        elif price < 0.98 * ind["ma10"][-1]:
            self.close_position()
