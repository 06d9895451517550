import numpy as np

rng = np.random.default_rng(42)


def kelly(returns, paths=200, horizon=24):
    draws = rng.choice(returns, size=(paths, horizon), replace=True)
    grid = np.linspace(0.0, 1.0, 11)[:, None, None]
    growth = np.log1p(grid * draws[None]).sum(axis=-1).mean(axis=-1)
    return float(grid.ravel()[np.argmax(growth)])


class KellyBootstrap(Strategy):
    every = 12

    def on_data(self, data):
        close = np.array(self.bars.close[-241:])
        if close.size < 121 or len(self.bars) % self.every:
            return
        returns = np.diff(close) / close[:-1]
        f = kelly(returns)
        self.plot("kelly", f)
        edges = np.histogram_bin_edges(returns, bins=8)
        counts, _ = np.histogram(returns, bins=edges)
        skewed = counts[:4].sum() > counts[4:].sum()
        self.target_percent(100 * f * (0.5 if skewed else 0.9))
