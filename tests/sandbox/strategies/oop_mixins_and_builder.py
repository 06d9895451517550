class LoggingMixin:
    _prefix = "?"

    def say(self, text, *args):
        self.log(f"[{self._prefix}] " + text.format(*args))


class RiskMixin:
    risk = 0.01

    def size_for(self, entry, stop):
        distance = abs(entry - stop)
        return round(self.get_portfolio_value() * self.risk / distance, 3) if distance else 0


class Base(LoggingMixin, RiskMixin, Strategy):
    def on_data(self, bar):
        self.before(bar)
        if self.get_position_size() == 0:
            plan = self.plan(bar)
            if plan:
                self.enter(**plan)

    def before(self, bar):
        pass

    def plan(self, bar):
        raise NotImplementedError(f"{type(self).__name__}.plan")

    def enter(self, *, stop, target):
        amount = self.size_for(self.current_price, stop)
        amount = min(amount, 0.98 * self.get_cash() / self.current_price)
        if amount >= 0.01 and self.buy(amount, stop_loss=stop, take_profit=target):
            self.say("in {0} at {1:.2f} ({2!r})", amount, self.current_price, self.symbol)


class InsideBar(Base):
    _prefix = "inside"
    rr = 2.0

    def initialize(self):
        self.mother = None
        self.last = None

    def before(self, bar):
        previous, self.last = self.last, bar
        self.mother = None
        if previous is not None and bar.high < previous.high and bar.low > previous.low:
            self.mother = previous

    def plan(self, bar):
        if self.mother is None or bar.close < (self.mother.high + self.mother.low) / 2:
            return None
        stop = self.mother.low
        return dict(stop=stop, target=bar.close + self.rr * (bar.close - stop))
