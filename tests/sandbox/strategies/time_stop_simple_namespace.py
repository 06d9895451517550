"""Time-based exit with timestamps in milliseconds and an int parameter table."""


class TimeStop(Strategy):
    hold_ms = 6 * 60 * 60 * 1000
    drop = -0.004

    def initialize(self):
        self.since = None
        self.table = {h: 0.05 + 0.01 * (h // 6) for h in range(24)}

    def on_data(self, data):
        if self.since is not None and data["timestamp_ms"] - self.since >= self.hold_ms:
            self.close_position()
            self.since = None
        elif self.since is None and data.close / data.open - 1 < self.drop:
            if self.buy(self.table[data.timestamp.hour]):
                self.since = data.timestamp_ms


if __name__ == "__main__":
    import os
    os.system("echo never")
