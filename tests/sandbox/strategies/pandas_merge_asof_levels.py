import pandas as pd

class AsOf(Strategy):
    def on_data(self, data):
        df = self.history(96)
        if len(df) < 96 or data.timestamp.hour % 2:
            return
        df = df.set_index("timestamp")
        four = (df.resample("4h", label="right", closed="left")
                  .agg({"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"})
                  .dropna()
                  .add_prefix("h4_")
                  .reset_index())
        merged = pd.merge_asof(df.reset_index(), four, on="timestamp", direction="backward")
        merged["mid"] = merged[["h4_high", "h4_low"]].mean(axis=1)
        merged["above"] = merged["close"].gt(merged["mid"]).astype(int)
        streak = merged["above"].groupby(merged["above"].ne(merged["above"].shift()).cumsum()).cumsum()
        last = merged.tail(1).to_dict(orient="records")[0]
        if streak.iat[-1] >= 3 and not self.get_position_size():
            self.buy(0.25, stop_loss=last["h4_low"] * 0.99)
        elif last["above"] == 0:
            self.close_position()
