"""
Advanced Multi-Factor Momentum Strategy
========================================

This strategy combines several factors:
1. Trend (EMA alignment)
2. Momentum (rate of change)
3. Volatility filter (ATR percentile)

Key features:
- ✅ Clean, modular architecture
- ✅ Robust risk management
- ✅ Fully type-annotated
"""
from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, asdict
from enum import Enum, auto
from typing import Any, ClassVar, Deque, Final, Optional

import numpy as np


class Signal(Enum):
    """Trading signal enumeration."""
    STRONG_BUY = auto()
    BUY = auto()
    NEUTRAL = auto()
    SELL = auto()

    @property
    def is_bullish(self) -> bool:
        return self in (Signal.STRONG_BUY, Signal.BUY)


@dataclass(frozen=True, slots=True)
class StrategyConfig:
    """Immutable configuration."""
    fast: int = 12
    slow: int = 36
    roc: int = 10
    risk_per_trade: float = 0.02
    weights: dict[str, float] = field(default_factory=lambda: {"trend": 0.5, "momentum": 0.5})

    def __post_init__(self) -> None:
        if self.fast >= self.slow:
            raise ValueError(f"fast ({self.fast}) must be < slow ({self.slow})")
        total = sum(self.weights.values())
        assert abs(total - 1.0) < 1e-9, f"weights must sum to 1, got {total}"


@dataclass
class EMA:
    period: int
    value: Optional[float] = None

    def update(self, price: float) -> float:
        alpha = 2 / (self.period + 1)
        self.value = price if self.value is None else self.value + alpha * (price - self.value)
        return self.value


class MultiFactorStrategy(Strategy):
    """Main strategy class."""

    VERSION: Final[str] = "1.0.0"
    _registry: ClassVar[dict[str, Any]] = {}

    def initialize(self) -> None:
        """Initialize the strategy state."""
        self.config = StrategyConfig()
        self.fast_ema = EMA(self.config.fast)
        self.slow_ema = EMA(self.config.slow)
        self.window: Deque[float] = deque(maxlen=self.config.roc + 1)
        self.trade_count: int = 0
        self.log(f"🚀 Strategy initialized: {asdict(self.config)}")

    def _score(self, price: float) -> float:
        fast, slow = self.fast_ema.update(price), self.slow_ema.update(price)
        self.window.append(price)
        trend = np.tanh((fast / slow - 1) * 100)
        momentum = np.tanh((price / self.window[0] - 1) * 50)
        w = self.config.weights
        return float(np.clip(w["trend"] * trend + w["momentum"] * momentum, -1, 1))

    def _signal(self, score: float) -> Signal:
        match score:
            case s if s > 0.6:
                return Signal.STRONG_BUY
            case s if s > 0.2:
                return Signal.BUY
            case s if s < -0.2:
                return Signal.SELL
            case _:
                return Signal.NEUTRAL

    def on_data(self, data) -> None:
        """Process a new bar."""
        if (score := self._score(data.close)) is None or len(self.window) < self.config.roc:
            return
        signal = self._signal(score)
        self.plot("score", score)
        if signal.is_bullish and self.get_position_size() == 0:
            size = 90.0 if signal is Signal.STRONG_BUY else 45.0
            if self.target_percent(size):
                self.trade_count += 1
                self.log(f"📈 {signal.name}: score={score:+.3f}")
        elif signal == Signal.SELL and self.get_position_size() > 0:
            self.close_position()
            self.log(f"📉 {signal.name}: score={score:+.3f}")

    def on_finish(self) -> None:
        self.log(f"Done. {self.trade_count=}")
