"""Trades only while its own equity curve is above its average."""


class EquityFilter(Strategy):
    window = 30

    def initialize(self):
        self.paper = [0.0]
        self.signal = 0
        self.last = None

    def on_data(self, data):
        if self.last is not None:
            self.paper.append(self.paper[-1] + self.signal * (data.close - self.last))
        self.last = data.close
        history = self.portfolio.portfolio_history
        recent = history[-self.window:]
        value = sum(row["portfolio_value"] for row in recent) / len(recent) if recent else 0.0
        self.signal = 1 if data.close > data.open else 0
        trusted = self.paper[-1] >= sum(self.paper[-self.window:]) / len(self.paper[-self.window:])
        if self.signal and trusted and self.get_portfolio_value() >= 0.95 * value:
            self.target_percent(40)
        else:
            self.target_percent(0)
