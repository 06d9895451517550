"""The dominant cycle of the last days by FFT."""
import numpy as np


class Cycle(Strategy):
    n = 64

    def initialize(self):
        self.freqs = np.fft.rfftfreq(self.n)

    def on_data(self, data):
        if len(self.bars) < self.n or data.timestamp.hour % 3:
            return
        closes = self.bars.close[-self.n:]
        trend = np.linspace(closes[0], closes[-1], self.n)
        spectrum = np.fft.rfft((closes - trend) * np.hanning(self.n))
        k = 1 + int(np.argmax(np.abs(spectrum[1:8])))
        phase = np.angle(spectrum[k])
        value = np.cos(2 * np.pi * self.freqs[k] * self.n + phase)
        np.where(value > 0, 1, 0)
        self.target_percent(50 if value < -0.2 else 0)
