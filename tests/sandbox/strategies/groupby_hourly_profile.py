"""The hour's usual volume by groupby and agg; named aggregation, apply, pivot_table."""
import pandas as pd


class VolumeProfile(Strategy):
    every = 24

    def initialize(self):
        self.profile = None

    def on_data(self, data):
        if data.timestamp.hour == 0 and len(self.bars) > 72:
            df = self.history(24 * 7)
            df["hour"] = df["timestamp"].dt.hour
            stats = df.groupby("hour")["volume"].agg(["mean", "std"])
            named = df.groupby("hour").agg(top=("high", "max"), low=("low", min))
            wide = df.pivot_table(index="hour", values="close", aggfunc="mean")
            spread = named.apply(lambda row: row["top"] - row["low"], axis=1)
            stats["score"] = stats["mean"] / stats["mean"].mean()
            self.profile = pd.concat([stats, wide, spread.rename("spread")], axis=1)
        if self.profile is None:
            return
        usual = self.profile.loc[data.timestamp.hour]
        if data.volume > usual["mean"] * 1.5 and data.close > usual["close"]:
            self.buy(0.1)
        elif data.volume < usual["mean"] * 0.7:
            self.close_position()
