"""A helper base with template methods: two levels of inheritance and class methods."""
from abc import abstractmethod


class Template(Strategy):
    size = 0.2
    wait = 5
    made = 0

    @classmethod
    def describe(cls):
        return f"{cls.__name__}:{cls.size}"

    def initialize(self):
        self.bar = 0
        self.setup()

    def setup(self):
        self.signals = []

    @abstractmethod
    def signal(self, data): ...

    def on_data(self, data):
        self.bar += 1
        value = self.signal(data)
        self.signals.append(value)
        if value > 0 and self.bar % self.wait == 0:
            self.buy(self.size)
        elif value < 0:
            self.close_position()


class Pullback(Template):
    wait = 3
    depth = -0.01

    def setup(self):
        super().setup()
        self.peak = 0.0
        self.label = type(self).__name__ + "/" + self.__class__.__name__

    def signal(self, data):
        self.peak = max(self.peak * 0.999, data.close)
        drop = data.close / self.peak - 1
        return 1 if drop < self.depth else -1 if drop > -0.001 else 0
