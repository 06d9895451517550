"""Regimes as an Enum, decisions by structural pattern matching."""
from enum import Enum, auto
from typing import NamedTuple


class Regime(Enum):
    UP = auto()
    DOWN = auto()
    FLAT = auto()


class View(NamedTuple):
    regime: Regime
    strength: float = 0.0


class Matcher(Strategy):
    window = 24

    def initialize(self):
        self.prices = []

    def view(self):
        first, *_, last = self.prices[-self.window:]
        change = last / first - 1
        if abs(change) < 0.005:
            return View(Regime.FLAT)
        return View(Regime.UP if change > 0 else Regime.DOWN, abs(change))

    def on_data(self, data):
        self.prices.append(data["close"])
        if len(self.prices) < self.window:
            return
        match self.view():
            case View(regime=Regime.UP, strength=s) if s > 0.01:
                self.target_percent(90)
            case View(Regime.UP, _):
                self.target_percent(40)
            case View(regime=Regime.DOWN | Regime.FLAT):
                self.target_percent(0)
        match {"hour": data.timestamp.hour, "rest": 1}:
            case {"hour": 0, **others}:
                self.log(f"midnight {others}")
            case _:
                pass
