from functools import singledispatchmethod


class Positive:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner=None):
        return getattr(instance, self.name)

    def __set__(self, instance, value):
        if value <= 0:
            raise ValueError(f"{self.name} must be positive")
        setattr(instance, self.name, value)


class Sized(Strategy):
    amount = Positive()

    def initialize(self):
        self.amount = 0.1

    def on_data(self, data):
        self.buy(self.amount)
