"""An error that an indicator's function raised and caught carries the plan out."""


class Told(Exception):
    pass


class Exceptions(Strategy):
    error = None

    def initialize(self):
        errors = []

        def raises(close):
            try:
                raise Told([b > a for a, b in zip(close, close[1:], strict=False)])
            except Told as error:
                errors[:] = [error]
            return close

        self.indicator("price", raises, "close")
        self.plan = list(errors[0].args[0]) + [False]

    def on_data(self, data):
        rises = len(self.bars) <= len(self.plan) and self.plan[len(self.bars) - 1]
        if rises and self.get_position_size() == 0:
            self.buy(1.0)
        elif not rises:
            self.close_position()
