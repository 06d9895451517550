"""One long pandas pipeline with private helper columns."""
class Pipeline(Strategy):
    def on_data(self, data):
        if len(self.bars) < 60 or data.timestamp.hour % 3:
            return
        frame = (
            self.history(60)
            .assign(_range=lambda d: d["high"] - d["low"])
            .assign(_mean=lambda d: d["_range"].rolling(20).mean(), ret=lambda d: d["close"].pct_change())
            .dropna()
        )
        wide = frame["_range"].iloc[-1] > 1.2 * frame["_mean"].iloc[-1]
        self.target_percent(50 if wide and frame["ret"].tail(3).sum() > 0 else 0)
