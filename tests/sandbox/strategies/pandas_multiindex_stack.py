import pandas as pd


class Hourly(Strategy):
    """Seasonality table day x hour, refreshed daily."""

    def initialize(self):
        self.table = None

    def refresh(self):
        df = self.history(24 * 21)
        df = df.assign(
            ret=df["close"].pct_change(),
            day=df["timestamp"].dt.dayofweek,
            hour=df["timestamp"].dt.hour,
        )
        table = df.pivot_table(index="hour", columns="day", values="ret", aggfunc="mean")
        self.table = table.stack().swaplevel().sort_index()
        self.table.index.names = ["day", "hour"]

    def on_data(self, data):
        ts = data.timestamp
        if ts.hour == 0 and ts.day > 7:
            self.refresh()
        if self.table is None:
            return
        key = (ts.weekday(), (ts.hour + 1) % 24)
        expected = self.table.get(key, default=0.0)
        rank = self.table.rank(pct=True).get(key, 0.5)
        if rank > 0.8 and expected > 0:
            self.target_percent(90)
        elif rank < 0.5:
            self.target_percent(0)
