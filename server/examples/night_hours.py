"""Night hours.

Holds the market only during some hours of the day, UTC.
A habit of the clock that pays for its fees would be remarkable; check it on several years.
"""

from sandtable import Strategy


class NightHours(Strategy):
    enter_hour = 21
    leave_hour = 23

    def on_data(self, data):
        hour = data.timestamp.hour
        if hour == self.enter_hour and self.get_position_size() == 0:
            self.target_percent(95)
        elif hour == self.leave_hour and self.get_position_size() > 0:
            self.close_position()
