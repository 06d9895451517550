"""Helpers that ask what they are given: hasattr, getattr with a default, isinstance."""
import numpy as np

def to_list(thing):
    if hasattr(thing, "tolist"):
        return thing.tolist()
    return list(thing) if hasattr(thing, "__iter__") else [thing]

def size_of(thing):
    return len(thing) if hasattr(thing, "__len__") else 1

class Ducks(Strategy):
    def on_data(self, data):
        step = getattr(self, "step", 0) + 1
        self.step = step
        values = to_list(self.bars.close[-5:]) + to_list(1.5) + to_list((2, 3))
        if size_of(np.zeros(3)) + size_of(7) == 4 and callable(getattr(self, "buy", None)):
            if step % 20 == 1:
                self.buy(0.01 * size_of(values))
            elif step % 20 == 15:
                self.close_position()
