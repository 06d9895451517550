# mode: futures
from enum import Enum


class State(str, Enum):
    IDLE = "idle"
    ARMED = "armed"
    IN = "in"


TRANSITIONS = {
    (State.IDLE, "break"): State.ARMED,
    (State.ARMED, "confirm"): State.IN,
    (State.ARMED, "fail"): State.IDLE,
    (State.IN, "exit"): State.IDLE,
}


class Fsm(Strategy):
    def initialize(self):
        self.state = State.IDLE
        self.level = None
        self.count = {s: 0 for s in State}

    def fire(self, event):
        new = TRANSITIONS.get((self.state, event))
        if new:
            self.state = new
            self.count[new] += 1
        return new is not None

    def on_data(self, data):
        h = self.bars.high[-25:-1]
        if len(h) < 24:
            return
        if self.state == "idle" and data.close > max(h):
            self.level = max(h)
            self.fire("break")
        elif self.state is State.ARMED:
            if data.close > self.level * 1.001:
                if self.fire("confirm"):
                    self.buy(0.001, stop_loss=self.level * 0.99)
            elif data.close < self.level * 0.997:
                self.fire("fail")
        elif self.state == State.IN and (
            data.close < min(self.bars.low[-13:-1]) or not self.get_position_size()
        ):
            self.close_position()
            self.fire("exit")

    def on_finish(self):
        print({k.value: v for k, v in self.count.items()}, f"{self.state}", self.state.name)
