import random

DAYS = {0: "Monday", 1: "Tuesday", 2: "Wednesday", 3: "Thursday", 4: "Friday", 5: "Saturday", 6: "Sunday"}
wins = {}
for d in DAYS.values():
    wins[d] = [0, 0]

class LuckyDays(Strategy):
    amount = 0.05
    def initialize(self):
        self.yesterday = None
        self.open_price = None
    def on_data(self, data):
        day = DAYS[data.timestamp.weekday()]
        if self.yesterday != day:
            if self.yesterday is not None and self.open_price is not None:
                if data.open > self.open_price: wins[self.yesterday][0] += 1
                else: wins[self.yesterday][1] += 1
            self.open_price = data.open
            self.yesterday = day
            up, down = wins[day]
            if up > down or (up == down and random.choice([True, False])):
                self.buy(self.amount)
            elif self.get_position_size() > 0:
                self.sell(self.get_position_size())
    def on_finish(self):
        for d in sorted(wins, key=lambda x: wins[x][0], reverse=True):
            print(f"{d:>10}: {wins[d][0]} up, {wins[d][1]} down")
