"""Session VWAP with should_long/go_long hooks, as Jesse's users write them."""


class SessionVwap(Strategy):
    band = 0.004

    def initialize(self):
        self.vars = {"pv": 0.0, "v": 0.0, "day": None}

    @property
    def vwap(self):
        return self.vars["pv"] / self.vars["v"]

    def should_long(self):
        return self.price < self.vwap * (1 - self.band)

    def should_exit(self):
        return self.price > self.vwap

    def go_long(self):
        qty = self.get_cash() * 0.5 / self.price
        self.buy(qty, stop_loss=self.price * 0.98, take_profit=self.vwap * 1.01)

    def on_data(self, data):
        self.price = data.close
        if self.vars["day"] != data.timestamp.date():
            self.vars.update(pv=0.0, v=0.0, day=data.timestamp.date())
        self.vars["pv"] += data.close * data.volume
        self.vars["v"] += data.volume
        if self.get_position_size():
            if self.should_exit():
                self.close_position()
        elif self.should_long():
            self.go_long()
