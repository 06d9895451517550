"""Mean reversion with comprehensive error handling and a circuit breaker."""
import logging
import math
import statistics
from typing import List, NamedTuple

logger = logging.getLogger(__name__)


class BandState(NamedTuple):
    middle: float
    upper: float
    lower: float
    bandwidth: float = 0.0


class CircuitBreakerError(Exception):
    """Raised when the circuit breaker trips."""

    def __init__(self, message: str, losses: int = 0):
        super().__init__(message)
        self.losses = losses


class BollingerReversion(Strategy):
    period: int = 20
    num_std: float = 1.8
    max_consecutive_losses: int = 3

    def initialize(self):
        self.closes: List[float] = []
        self.losses = 0
        self.cooldown = 0

    def calculate_bands(self) -> BandState:
        if len(self.closes) < self.period:
            raise ValueError(f"Not enough data: {len(self.closes)}/{self.period}")
        window = self.closes[-self.period :]
        mean = statistics.fmean(window)
        std = statistics.pstdev(window, mu=mean)
        bands = BandState(mean, mean + self.num_std * std, mean - self.num_std * std)
        return bands._replace(bandwidth=(bands.upper - bands.lower) / bands.middle)

    def check_breaker(self):
        if self.losses >= self.max_consecutive_losses:
            raise CircuitBreakerError("Too many losses", losses=self.losses)

    def on_fill(self, trade):
        if trade["pnl"] < 0:
            self.losses += 1
        elif trade["pnl"] > 0:
            self.losses = 0

    def on_data(self, data):
        self.closes.append(data["close"])
        if self.cooldown > 0:
            self.cooldown -= 1
            return
        try:
            bands = self.calculate_bands()
            self.check_breaker()
        except ValueError:
            return  # Warm-up period
        except CircuitBreakerError as exc:
            logger.warning("Circuit breaker: %s (losses=%d)", exc, exc.losses)
            self.losses, self.cooldown = 0, 48
            self.close_position()
            return
        else:
            price = data["close"]
            if not math.isfinite(bands.bandwidth):
                return
            if price < bands.lower and self.get_position_size() == 0:
                self.buy(0.4, stop_loss=price * 0.97, take_profit=bands.middle * 1.01)
            elif price > bands.upper:
                self.close_position()
