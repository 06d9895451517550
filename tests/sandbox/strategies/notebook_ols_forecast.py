import numpy as np
import pandas as pd

# Cell 3: features
LAGS = [1, 2, 3, 6, 12]


def make_features(px: pd.Series) -> pd.DataFrame:
    ret = np.log(px).diff()
    X = pd.concat({f"lag_{k}": ret.shift(k) for k in LAGS}, axis=1)
    X["vol"] = ret.rolling(24).std().shift(1)
    X["const"] = 1.0
    return X.join(ret.rename("y"))


# Cell 7: walk forward
class OlsForecast(Strategy):
    train = 200
    refit = 48

    def initialize(self):
        self.beta = None
        self.i = 0

    def on_data(self, data):
        self.i += 1
        if self.i < self.train:
            return
        if self.beta is None or self.i % self.refit == 0:
            df = make_features(self.history(self.train)["close"]).dropna()
            X, y = df.drop(columns="y"), df["y"]
            self.beta, *_ = np.linalg.lstsq(X.values, y.values, rcond=None)
            self.cols = X.columns
        px = self.history(40)["close"]
        nxt = pd.concat([px, pd.Series([px.iloc[-1]])], ignore_index=True)
        x = make_features(nxt)[self.cols].iloc[-1]
        pred = float(x @ self.beta)
        self.plot("forecast (bp)", pred * 1e4)
        if pred > 0.0005:
            self.target_percent(80)
        elif pred < -0.0005:
            self.target_percent(0)
