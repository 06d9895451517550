"""Text handling: a tiny rule language parsed from a parameter."""


class Rules(Strategy):
    rules = "close>open:buy;close<open:sell;volume>200:half"
    size = 0.1

    def initialize(self):
        self.parsed = []
        for rule in self.rules.split(";"):
            condition, _, action = rule.partition(":")
            op = ">" if ">" in condition else "<"
            left, right = condition.split(op)
            self.parsed.append((left.strip(), op, right.strip(), action.upper().lower()))
        width = 8
        self.log(f"{'rule':>{width}}|{len(self.parsed):0{width}d}|{self.size!r:^{width}}")

    def value(self, data, word):
        return data[word] if word in data else float(word)

    def on_data(self, data):
        for left, op, right, action in self.parsed:
            a, b = self.value(data, left), self.value(data, right)
            if not (a > b if op == ">" else a < b):
                continue
            if action == "buy" and self.get_position_size() < 0.5:
                self.buy(self.size)
            elif action == "sell" and self.get_position_size():
                self.sell(min(self.size, self.get_position_size()))
                break
            elif action == "half":
                self.close_position(50)
        else:
            self.seen = True
