"""Ensemble voting: every sub-strategy returns -1, 0 or 1 and the majority decides."""
from abc import ABC, abstractmethod
from typing import Callable, Protocol, TypeVar, runtime_checkable

import numpy as np

T = TypeVar("T", bound="Voter")


class Voter(ABC):
    name: str = "voter"

    @abstractmethod
    def vote(self, closes: np.ndarray) -> int:
        """Return the vote."""

    def __repr__(self) -> str:
        return f"<{self.__class__.__name__} {self.name}>"


class Momentum(Voter):
    def __init__(self, n: int):
        self.n = n
        self.name = f"mom{n}"

    def vote(self, closes):
        return int(np.sign(closes[-1] - closes[-self.n]))


class Reversal(Voter):
    name = "rev"

    def vote(self, closes):
        z = (closes[-1] - closes[-20:].mean()) / (closes[-20:].std() + 1e-12)
        return -1 if z > 2 else 1 if z < -2 else 0


class FunctionVoter(Voter):
    def __init__(self, fn: Callable[[np.ndarray], int], name: str):
        self.fn, self.name = fn, name

    def vote(self, closes):
        return self.fn(closes)


class Ensemble(Strategy):
    def initialize(self):
        self.voters = [
            Momentum(10),
            Momentum(30),
            Reversal(),
            FunctionVoter(lambda c: 1 if c[-1] > np.median(c[-50:]) else -1, "median"),
        ]
        self.log(", ".join(map(repr, self.voters)))

    def on_data(self, data):
        closes = np.asarray(self.bars.close)
        if closes.size < 50:
            return
        votes = {v.name: v.vote(closes) for v in self.voters}
        total = sum(votes.values())
        if total >= 3 and self.get_position_size() == 0:
            self.target_percent(75)
            self.log(f"{votes}")
        elif total <= -1 and self.get_position_size() > 0:
            self.close_position()
