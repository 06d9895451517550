"""Rules as objects, combined with & and ~, in a class-heavy style."""
from abc import ABC, abstractmethod

class Rule(ABC):
    @abstractmethod
    def holds(self, strategy) -> bool: ...
    def __and__(self, other): return Both(self, other)
    def __invert__(self): return Not(self)

class Both(Rule):
    def __init__(self, *rules): self.rules = rules
    def holds(self, strategy): return all(rule.holds(strategy) for rule in self.rules)

class Not(Rule):
    def __init__(self, rule): self.rule = rule
    def holds(self, strategy): return not self.rule.holds(strategy)

class Above(Rule):
    def __init__(self, n): self.n = n
    def holds(self, strategy):
        past = strategy.bars.close[-self.n:]
        return len(past) == self.n and past[-1] > past.mean()

class Rules(Strategy):
    def initialize(self):
        self.enter = Above(10) & ~Above(40)
        self.leave = ~Above(10)
    def on_data(self, data):
        if self.get_position_size() == 0 and self.enter.holds(self):
            self.buy(0.2)
        elif self.get_position_size() > 0 and self.leave.holds(self):
            self.close_position()
