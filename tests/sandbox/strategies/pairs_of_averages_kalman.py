"""A scalar Kalman filter as a helper class with special methods."""


class Kalman:
    def __init__(self, q=1e-4, r=1e-2):
        self.q, self.r = q, r
        self.x, self.p = None, 1.0

    def __call__(self, z):
        if self.x is None:
            self.x = z
        self.p += self.q
        gain = self.p / (self.p + self.r)
        self.x += gain * (z - self.x)
        self.p *= 1 - gain
        return self.x

    def __float__(self):
        return float(self.x)

    def __repr__(self):
        return f"{type(self).__name__}({self.x:.2f})"

    def __bool__(self):
        return self.x is not None


class KalmanTrend(Strategy):
    fast_q = 1e-2
    slow_q = 1e-4

    def initialize(self):
        self.fast, self.slow = Kalman(q=self.fast_q), Kalman(q=self.slow_q)

    def on_data(self, data):
        fast, slow = self.fast(data.close), self.slow(data.close)
        if self.fast and float(self.fast) > slow * 1.002 and self.get_position_size() == 0:
            self.buy(0.3)
            self.log(repr(self.fast))
        elif fast < slow * 0.998:
            self.close_position()
