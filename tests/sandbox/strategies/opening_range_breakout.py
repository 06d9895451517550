"""Break of the first hours of each UTC day, flat before midnight."""
from datetime import datetime, timedelta, time


class OpeningRange(Strategy):
    hours = 4
    start = "2024-01-03"

    def initialize(self):
        self.begin = datetime.strptime(self.start, "%Y-%m-%d")
        self.day = None
        self.hi = self.lo = None

    def on_data(self, data):
        ts = data["timestamp"]
        if ts < self.begin:
            return
        if self.day != ts.date():
            self.day, self.hi, self.lo = ts.date(), data.high, data.low
        opened = datetime.combine(ts.date(), time(0))
        if ts - opened < timedelta(hours=self.hours):
            self.hi, self.lo = max(self.hi, data.high), min(self.lo, data.low)
        elif ts.hour == 23:
            self.close_position()
        elif not self.get_position_size() and data.close > self.hi:
            self.buy(0.5, stop_loss=self.lo)
            self.log(ts.strftime("%d %b") + " {:.1f} {name}".format(self.hi, name="long"))
