"""Pyramiding with snapshots of its plan by copy and deepcopy."""
import copy


class Leg:
    def __init__(self, price, tags=None):
        self.price = price
        self.tags = tags or []


class Pyramid(Strategy):
    adds = 3
    gap = 0.008

    def initialize(self):
        self.plan = {"legs": [], "style": "long"}
        self.snapshots = []

    def on_data(self, data):
        legs = self.plan["legs"]
        if len(legs) < self.adds and (not legs or data.close > legs[-1].price * (1 + self.gap)):
            if self.buy(0.1 / (len(legs) + 1)):
                legs.append(Leg(data.close, ["add"]))
                self.snapshots.append(copy.deepcopy(self.plan))
                self.snapshots.append(copy.copy(legs[-1]))
        elif legs and data.close < legs[0].price * 0.985:
            self.close_position()
            self.plan["legs"] = []
        if self.snapshots and isinstance(self.snapshots[0], dict):
            assert self.snapshots[0]["legs"] is not legs
