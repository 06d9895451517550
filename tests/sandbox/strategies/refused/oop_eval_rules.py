RULES = ["close > open", "volume > 100"]


class Rules(Strategy):
    def on_data(self, data):
        scope = {"close": data.close, "open": data.open, "volume": data.volume}
        if all(eval(rule, {}, scope) for rule in RULES):
            self.buy(0.1)
