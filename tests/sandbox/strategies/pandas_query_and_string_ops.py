import pandas as pd

class Tags(Strategy):
    def initialize(self):
        self.rows = []
    def on_data(self, data):
        kind = "up" if data.close > data.open else "down"
        size = "big" if data.high - data.low > 0.012 * data.close else "small"
        self.rows.append({"t": data.timestamp, "tag": f"{kind}_{size}", "close": data.close})
        if len(self.rows) < 60:
            return
        df = pd.DataFrame(self.rows[-60:])
        df["next"] = df["close"].shift(-1) / df["close"] - 1
        parts = df["tag"].str.split("_", expand=True).rename(columns={0: "kind", 1: "size"})
        df = pd.concat([df, parts], axis=1)
        odds = df.dropna().groupby(["kind", "size"])["next"].apply(lambda x: (x > 0).mean())
        chance = odds.to_dict().get((kind, size), 0.5)
        if chance > 0.55 and df["tag"].value_counts().get(f"{kind}_{size}", 0) > 5:
            self.target_percent(50)
        elif chance < 0.5 and df["tag"].str.contains("big").tail(3).any():
            self.target_percent(0)
