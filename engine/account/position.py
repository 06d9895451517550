"""Position: one symbol's net holding, as a record."""

from __future__ import annotations

from dataclasses import dataclass

from engine.account import margin
from engine.account.order_form import number
from engine.account.trade import Trade
from engine.config import MAX_LEVERAGE, BacktestConfig
from engine.enums import ActionType, PositionType, TradingMode, check_symbol
from engine.errors import ValidationError


@dataclass(frozen=True)
class Position:
    """A net holding. `size` is signed: above 0 long, below 0 short; `margin` in quote currency."""

    symbol: str
    size: float
    entry_price: float
    margin: float
    leverage: float = 1.0
    timestamp: int | None = None
    trading_mode: TradingMode = TradingMode.SPOT

    @classmethod
    def create_long(
        cls,
        symbol: str,
        size: float,
        entry_price: float,
        leverage: float = 1.0,
        timestamp: int | None = None,
        trading_mode: TradingMode = TradingMode.SPOT,
    ) -> Position:
        """A long of `size` > 0. Raises ValidationError for numbers that cannot be."""
        return _create(1, symbol, size, entry_price, leverage, timestamp, trading_mode)

    @classmethod
    def create_short(
        cls,
        symbol: str,
        size: float,
        entry_price: float,
        leverage: float = 1.0,
        timestamp: int | None = None,
        trading_mode: TradingMode = TradingMode.FUTURES,
    ) -> Position:
        """A short of `size` > 0 (kept negative). Raises ValidationError in spot."""
        if TradingMode(trading_mode) is TradingMode.SPOT:
            raise ValidationError("spot cannot go short; use trading_mode futures")
        return _create(-1, symbol, size, entry_price, leverage, timestamp, trading_mode)

    @classmethod
    def create_from_trade(cls, trade: Trade, trading_mode: TradingMode) -> Position:
        """The position that an opening trade makes. Raises ValidationError for a liquidation."""
        if trade.action is ActionType.LIQUIDATION:
            raise ValidationError("a liquidation opens no position")
        make = cls.create_long if trade.action is ActionType.BUY else cls.create_short
        return make(
            trade.symbol, trade.quantity, trade.price, trade.leverage, trade.timestamp,
            trading_mode,
        )  # fmt: skip

    @property
    def position_type(self) -> PositionType:
        return PositionType.LONG if self.size > 0.0 else PositionType.SHORT

    def notional(self, price: float) -> float:
        return abs(self.size) * price

    def unrealized_pnl(self, price: float) -> float:
        return margin.unrealized_pnl(self.size, self.entry_price, price)

    def liquidation_price(
        self, maintenance_margin_rate: float = BacktestConfig.maintenance_margin_rate
    ) -> float:
        """Price of liquidation; 0 where it is never reached (spot, or a long at leverage 1)."""
        if self.trading_mode is TradingMode.SPOT:
            return 0.0
        level = margin.liquidation_price(
            self.size, self.entry_price, self.margin, maintenance_margin_rate
        )
        return max(0.0, level)


def _create(
    side: int,
    symbol: str,
    size: float,
    entry_price: float,
    leverage: float,
    timestamp: int | None,
    trading_mode: TradingMode,
) -> Position:
    check_symbol(symbol)
    mode = TradingMode(trading_mode)
    numbers = {"size": size, "entry_price": entry_price, "leverage": leverage}
    values = {name: number(value) for name, value in numbers.items()}
    for name, value in values.items():
        if not value > 0.0:
            raise ValidationError(f"{name} must be a finite number above 0; got {numbers[name]!r}")
    if mode is TradingMode.SPOT and values["leverage"] != 1.0:
        raise ValidationError(f"leverage must be 1 in spot; got {leverage!r}")
    if not 1.0 <= values["leverage"] <= MAX_LEVERAGE:
        raise ValidationError(f"leverage must be 1 to {MAX_LEVERAGE:g}; got {leverage!r}")
    return Position(
        symbol,
        side * values["size"],
        values["entry_price"],
        margin.initial_margin(values["size"], values["entry_price"], values["leverage"]),
        values["leverage"],
        timestamp,
        mode,
    )
