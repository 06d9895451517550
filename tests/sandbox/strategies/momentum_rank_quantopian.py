"""initialize(context), handle_data(context, data): the Quantopian shape around one class."""
import pandas as pd

LOOKBACKS = (5, 10, 20)


def initialize_context(context):
    context["scores"] = []
    context["rebalance_hour"] = 0


def momentum_score(close: pd.Series) -> float:
    frame = pd.DataFrame({f"m{n}": close.pct_change(n) for n in LOOKBACKS})
    ranked = frame.rank(pct=True).mean(axis=1)
    return float(ranked.iloc[-1])


def handle_data(context, data, strategy):
    if data.timestamp.hour != context["rebalance_hour"]:
        return
    frame = strategy.history(60)
    if len(frame) < 40:
        return
    context["scores"] += [momentum_score(frame["close"])]
    weight = 80 if context["scores"][-1] > 0.6 else 0
    strategy.target_percent(weight)


class Quantopian(Strategy):
    def initialize(self):
        self.context = {}
        initialize_context(self.context)

    def on_data(self, data):
        handle_data(self.context, data, self)
