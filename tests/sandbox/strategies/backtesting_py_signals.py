"""A signal column made once, the way of backtesting.py's SignalStrategy."""
import numpy as np
import pandas as pd

def signal(close, n):
    mean = pd.Series(close).rolling(int(n)).mean()
    return np.sign(close - mean).fillna(0).diff().fillna(0).to_numpy()

class Signals(Strategy):
    n = 24
    def initialize(self):
        self.indicator("signal", signal, "close", self.n)
    def on_data(self, data):
        value = self.indicators["signal"][-1]
        if value > 0:
            self.target_percent(90)
        elif value < 0:
            self.target_percent(0)
