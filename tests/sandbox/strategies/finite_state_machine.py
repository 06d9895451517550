"""A state machine: handlers looked up by name with getattr, state in an IntEnum and a TypedDict."""
from enum import IntEnum
from typing import TypedDict


class Phase(IntEnum):
    WAIT = 0
    ARMED = 1
    LONG = 2


class Memory(TypedDict):
    phase: Phase
    trigger: float


class Machine(Strategy):
    pull = 0.006

    def initialize(self):
        self.memory: Memory = {"phase": Phase.WAIT, "trigger": 0.0}

    def in_wait(self, data):
        self.memory["trigger"] = data.high * (1 + self.pull)
        return Phase.ARMED

    def in_armed(self, data):
        if data.close > self.memory["trigger"]:
            self.buy(0.3)
            return Phase.LONG
        return Phase.WAIT if data.low < self.memory["trigger"] * 0.97 else Phase.ARMED

    def in_long(self, data):
        if data.close < self.memory["trigger"]:
            self.close_position()
            return Phase.WAIT
        return Phase.LONG

    def on_data(self, data):
        handler = getattr(self, f"in_{self.memory['phase'].name.lower()}")
        self.memory["phase"] = handler(data)
        if hasattr(self, "missing"):
            raise RuntimeError("never")
        setattr(self, "last_phase", int(self.memory["phase"]))
