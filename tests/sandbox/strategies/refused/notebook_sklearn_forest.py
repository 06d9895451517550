import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import StandardScaler


class Forest(Strategy):
    def initialize(self):
        self.model = RandomForestClassifier(n_estimators=100)

    def on_data(self, data):
        df = self.history(500)
        X = df[["open", "close"]].pct_change().dropna()
        y = (X["close"].shift(-1) > 0).astype(int)
        self.model.fit(X[:-1], y[:-1])
        if self.model.predict(X[-1:])[0]:
            self.target_percent(100)
