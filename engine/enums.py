"""The closed vocabularies of the engine, and the one open one: the symbol."""

from __future__ import annotations

import re
from enum import StrEnum

from engine.errors import ValidationError

SYMBOL_PATTERN = re.compile(r"[A-Z0-9]{2,20}")
MINUTE_MS = 60_000
DAY_MS = 86_400_000


class Timeframe(StrEnum):
    """Length of one bar. Ordered from fine to coarse; each divides a UTC day."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"

    @property
    def ms(self) -> int:
        """Length in milliseconds."""
        return _TIMEFRAME_MS[self.value]

    @property
    def bars_per_day(self) -> int:
        return DAY_MS // self.ms


_TIMEFRAME_MS = {
    "1m": MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "1d": DAY_MS,
}


class TradingMode(StrEnum):
    SPOT = "spot"
    FUTURES = "futures"


class PositionType(StrEnum):
    LONG = "long"
    SHORT = "short"


class ActionType(StrEnum):
    BUY = "buy"
    SELL = "sell"
    LIQUIDATION = "liquidation"


class FillRule(StrEnum):
    """When a market order given in `on_data` fills."""

    CLOSE = "close"
    NEXT_OPEN = "next_open"


class LookaheadCheck(StrEnum):
    OFF = "off"
    SAMPLE = "sample"
    FULL = "full"


def check_symbol(symbol: str) -> str:
    """Return `symbol`; raise ValidationError when it is not two to twenty of A-Z and 0-9."""
    if not SYMBOL_PATTERN.fullmatch(symbol):
        raise ValidationError(
            f"symbol {symbol!r} must be 2 to 20 capital letters and digits, such as BTCUSDT"
        )
    return symbol
