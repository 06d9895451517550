"""Doubling after losses, with the bookkeeping in dataclasses."""
from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace


@dataclass
class Streak:
    losses: int = 0
    base: float = 0.02
    history: list[float] = field(default_factory=list)
    _cap: int = 4

    @property
    def size(self) -> float:
        return self.base * 2 ** min(self.losses, self._cap)

    def record(self, pnl: float) -> Streak:
        self.history.append(pnl)
        return replace(self, losses=0 if pnl > 0 else self.losses + 1)


@dataclass(frozen=True, order=True)
class Plan:
    bars: int
    take: float = 0.01


class Martingale(Strategy):
    hold = 6

    def initialize(self):
        self.streak = Streak(base=0.03)
        self.plan = Plan(bars=self.hold)
        self.age = 0

    def on_data(self, data):
        self.age += 1
        if not self.get_position_size():
            self.buy(self.streak.size)
            self.age = 0
        elif self.age >= self.plan.bars or self.get_unrealized_pnl() > self.plan.take * data.close:
            self.close_position()

    def on_fill(self, trade):
        if trade["action"] == "sell":
            self.streak = self.streak.record(trade["pnl"])
            self.log(asdict(self.streak)["base"])
