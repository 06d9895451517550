"""Advanced risk-managed breakout with full type hints, logging and error handling."""
from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Optional

logger = logging.getLogger(__name__)
__author__ = "Your Name"
__copyright__ = "2024"
__email__ = "you@example.com"
__version__ = "1.0.0"

@dataclass
class RiskConfig:
    risk_per_trade: float = 0.02
    max_positions: int = 1
    history: list = field(default_factory=list)

class RiskManager:
    def __init__(self, config: Optional[RiskConfig] = None) -> None:
        self.config = config or RiskConfig()
    def size(self, equity: float, entry: float, stop: float) -> float:
        """Calculate the position size."""
        distance = abs(entry - stop)
        if distance <= 0:
            raise ValueError("Stop distance must be positive")
        return round(min(equity * self.config.risk_per_trade / distance, 0.9 * equity / entry), 6)

class Breakout(Strategy):
    lookback: int = 24
    def initialize(self) -> None:
        self.risk = RiskManager()
        print(f"Strategy v{__version__} initialized with lookback={self.lookback}")
    def on_data(self, data) -> None:
        try:
            if len(self.bars) <= self.lookback:
                return
            highest = max(self.bars.high[-self.lookback - 1:-1])
            lowest = min(self.bars.low[-self.lookback // 2:])
            if self.get_position_size() == 0 and data.close > highest:
                amount = self.risk.size(self.get_portfolio_value(), data.close, lowest)
                if self.buy(amount, stop_loss=lowest):
                    self.risk.config.history.append(amount)
        except (ValueError, ZeroDivisionError) as error:
            logger.warning("Skipping bar: %s", error)
