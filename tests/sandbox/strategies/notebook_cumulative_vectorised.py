import numpy as np, pandas as pd
# vectorised backtest first, then the same thing live
def signals(close, lookback, hold):
    s = pd.Series(close)
    r = s.pct_change(int(lookback))
    z = (r - r.expanding(50).mean()) / r.expanding(50).std()
    sig = pd.Series(0.0, index=s.index)
    sig[z < -1.0] = 1
    sig[z > 1.0] = -1
    pos = sig.replace(0, np.nan).ffill(limit=int(hold)).fillna(0)
    return pos.clip(lower=0).values

class MeanRev(Strategy):
    lookback = 6
    hold = 12
    def initialize(self):
        self.indicator('pos', signals, 'close', self.lookback, self.hold)
    def on_data(self, data):
        want = self.indicators['pos'][-1]
        have = 1 if self.get_position_size() > 0 else 0
        if want != have:
            self.target_percent(100 * want)
        equity = [row['portfolio_value'] for row in self.portfolio.portfolio_history[-48:]]
        if len(equity) == 48:
            dd = pd.Series(equity).pipe(lambda e: e / e.cummax() - 1).min()
            self.plot('dd48', dd * 100)
