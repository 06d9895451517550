"""An online perceptron over lagged returns: plain lists, star arguments, lambdas."""


class Perceptron(Strategy):
    lags = 5
    rate = 0.05

    def initialize(self):
        self.w = [0.0] * (self.lags + 1)
        self.r = []
        self.last = None
        self.dot = lambda a, b: sum(x * y for x, y in zip(a, b))

    def learn(self, *features, target, **extra):
        error = target - (1 if self.dot(self.w, features) > 0 else -1)
        for i, x in enumerate(features):
            self.w[i] += self.rate * error * x
        return {**extra, "error": error}

    def on_data(self, data):
        if self.last is not None:
            self.r.append((data.close / self.last - 1) * 100)
        self.last = data.close
        if len(self.r) < self.lags + 2:
            return
        past, now = self.r[-self.lags - 1:-1], self.r[-1]
        self.learn(1.0, *past, target=1 if now > 0 else -1, **{"bar": len(self.r)})
        if self.dot(self.w, [1.0, *self.r[-self.lags:]]) > 0:
            self.target_percent(30)
        else:
            self.target_percent(0)
