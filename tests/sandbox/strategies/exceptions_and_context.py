"""Strict bookkeeping: own exceptions, raise from, finally, a context manager."""


class TooWide(Exception):
    def __init__(self, spread):
        super().__init__(f"spread {spread:.4f}")
        self.spread = spread


class Timer:
    def __init__(self, counts, key):
        self.counts, self.key = counts, key

    def __enter__(self):
        self.counts[self.key] = self.counts.get(self.key, 0) + 1
        return self

    def __exit__(self, kind, error, trace):
        self.counts["errors"] = self.counts.get("errors", 0) + (kind is not None)
        return False


class Careful(Strategy):
    widest = 0.03

    def initialize(self):
        self.counts = {}

    def check(self, data):
        try:
            spread = (data.high - data.low) / data.close
            if spread > self.widest:
                raise ValueError(spread)
        except ValueError as error:
            raise TooWide(error.args[0]) from error
        else:
            return spread
        finally:
            self.counts["checked"] = self.counts.get("checked", 0) + 1

    def on_data(self, data):
        try:
            with Timer(self.counts, "bars"):
                spread = self.check(data)
        except TooWide as wide:
            self.close_position()
            self.log(str(wide))
            return
        except:
            raise
        assert spread >= 0, "never"
        try:
            self.buy(-1.0)
        except ValidationError:
            self.counts["bad"] = self.counts.get("bad", 0) + 1
        if self.counts["bars"] % 25 == 0:
            self.buy(0.1)
