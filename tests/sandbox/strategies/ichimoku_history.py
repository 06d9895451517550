"""Ichimoku cloud from rolling windows of the history."""


class Ichimoku(Strategy):
    tenkan, kijun, senkou = 9, 26, 52

    def initialize(self):
        pass

    @staticmethod
    def middle(frame, n):
        return (frame["high"].rolling(n).max() + frame["low"].rolling(n).min()) / 2

    def on_data(self, data):
        if data.timestamp.hour % 6:
            return
        df = self.history(self.senkou + self.kijun)
        if len(df) < self.senkou + self.kijun:
            return
        df["tenkan"] = self.middle(df, self.tenkan)
        df["kijun"] = self.middle(df, self.kijun)
        df["span_a"] = ((df.tenkan + df.kijun) / 2).shift(self.kijun)
        df["span_b"] = self.middle(df, self.senkou).shift(self.kijun)
        row = df.iloc[-1]
        top = max(row["span_a"], row["span_b"])
        if row.close > top and row.tenkan > row.kijun:
            self.target_percent(70)
        elif row.close < min(row["span_a"], row["span_b"]):
            self.target_percent(0)
