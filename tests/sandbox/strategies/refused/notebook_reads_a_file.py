import pandas as pd

df = pd.read_csv("BTCUSDT-1h.csv", parse_dates=["timestamp"], index_col="timestamp")
df["sma"] = df["close"].rolling(50).mean()


class FromFile(Strategy):
    def on_data(self, data):
        if data.close > df["sma"].asof(data.timestamp):
            self.target_percent(100)
