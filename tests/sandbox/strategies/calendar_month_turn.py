"""Turn of the month, with calendar and date arithmetic."""
import calendar
from datetime import date, timedelta


class MonthTurn(Strategy):
    before, after = 2, 3

    def initialize(self):
        self.first = True

    def on_data(self, data):
        day = data.timestamp.date()
        last = calendar.monthrange(day.year, day.month)[1]
        near = day.day > last - self.before or day.day <= self.after
        tomorrow = day + timedelta(days=1)
        if near and tomorrow.weekday() != calendar.SUNDAY:
            if not self.get_position_size():
                self.buy(0.4)
        elif day > date(2024, 1, 1):
            self.close_position()
