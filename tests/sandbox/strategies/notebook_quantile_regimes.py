# %% [markdown]
# # Vol regimes by quantile buckets
# %%
import numpy as np
import pandas as pd

labels = ["calm", "normal", "wild"]

# %%
class Regimes(Strategy):
    def on_data(self, data):
        df = self.history(240).set_index("timestamp")
        if len(df) < 120:
            return
        df["ret"] = df["close"].pct_change()
        df["rv"] = df["ret"].rolling(24).std() * np.sqrt(24 * 365)
        df = df.dropna()
        df["regime"] = pd.qcut(df["rv"], q=3, labels=labels)
        stats = df.groupby("regime", observed=True)["ret"].agg(["mean", "std", "count"])
        stats["sharpe"] = stats["mean"].div(stats["std"])
        now = df["regime"].iloc[-1]
        best = stats["sharpe"].idxmax()
        if data.timestamp.hour == 0:
            print(stats.round(4).to_dict("index")[now])
        if now == best and stats.loc[now, "mean"] > 0 and not self.get_position_size():
            self.target_percent(60)
        elif now != best and self.get_position_size():
            self.target_percent(0)
