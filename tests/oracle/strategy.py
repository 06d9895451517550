"""The strategy API of the contract's section 3, as far as orders and information go."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pandas as pd

from engine.errors import ValidationError
from tests.oracle.broker import Broker, Order

FIELDS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Bar:
    timestamp: datetime
    timestamp_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    symbol: str

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


class Strategy:
    """Base class of strategies that the oracle runs; same API as the engine's."""

    _broker: Broker

    def initialize(self) -> None: ...
    def on_data(self, data: Bar) -> None: ...
    def on_fill(self, trade: dict[str, Any]) -> None: ...
    def on_finish(self) -> None: ...

    # ---- orders --------------------------------------------------------------------------

    def buy(self, amount: Any, leverage: Any = 1.0, **prices: Any) -> bool:
        return self._order("buy", amount, leverage, **prices)

    def sell(self, amount: Any, leverage: Any = 1.0, **prices: Any) -> bool:
        return self._order("sell", amount, leverage, **prices)

    def _order(
        self,
        call: str,
        amount: Any,
        leverage: Any,
        *,
        limit: Any = None,
        stop: Any = None,
        stop_loss: Any = None,
        take_profit: Any = None,
    ) -> bool:
        order = self._broker.new_order(call, None)
        order.amount = positive("amount", amount)
        order.leverage = self._leverage(leverage)
        if limit is not None and stop is not None:
            raise ValidationError("limit and stop together")
        order.limit = None if limit is None else positive("limit", limit)
        order.stop = None if stop is None else positive("stop", stop)
        order.stop_loss = None if stop_loss is None else positive("stop_loss", stop_loss)
        order.take_profit = None if take_profit is None else positive("take_profit", take_profit)
        return self._broker.submit(order)

    def close_position(self, percentage: Any = 100.0) -> bool:
        order = self._broker.new_order("close_position", None)
        order.amount = number("percentage", percentage)
        if not 0.0 < order.amount <= 100.0:
            raise ValidationError("percentage must be above 0 and at most 100")
        return self._broker.submit(order)

    def target_percent(self, percent: Any, leverage: Any = 1.0) -> bool:
        order = self._broker.new_order("target_percent", None)
        order.amount = number("percent", percent)
        order.leverage = self._leverage(leverage)
        if not (0.0 if self._broker.spot else -100.0) <= order.amount <= 100.0:
            raise ValidationError("percent out of bounds")
        return self._broker.submit(order)

    def set_stop_loss(self, price: Any) -> bool:
        return self._level("set_stop_loss", price)

    def set_take_profit(self, price: Any) -> bool:
        return self._level("set_take_profit", price)

    def set_trailing_stop(self, distance: Any) -> bool:
        return self._level("set_trailing_stop", distance)

    def _level(self, call: str, value: Any) -> bool:
        order = self._broker.new_order(call, None)
        if value is not None:
            order.amount = positive(call, value)
        return self._broker.submit(order)

    def cancel_orders(self) -> bool:
        return self._broker.submit(self._broker.new_order("cancel_orders", None))

    def _leverage(self, leverage: Any) -> float:
        value = number("leverage", leverage)
        if not 1.0 <= value <= self._broker.config.max_leverage:
            raise ValidationError("leverage out of bounds")
        return value

    # ---- information ---------------------------------------------------------------------

    def get_position_size(self) -> float:
        position = self._broker.held()
        return position.size if position else 0.0

    def get_cash(self) -> float:
        return self._broker.account.cash

    def get_portfolio_value(self) -> float:
        return self._broker.account.value(self._broker.current_price)

    def get_margin_ratio(self) -> float:
        position = self._broker.held()
        if position is None or position.margin <= 0.0:
            return math.inf
        return self.get_portfolio_value() / position.margin

    def get_unrealized_pnl(self) -> float:
        position = self._broker.held()
        return position.unrealized(self._broker.current_price) if position else 0.0

    def get_leverage(self) -> float:
        position = self._broker.held()
        return position.leverage if position else 0.0

    def get_entry_price(self) -> float:
        position = self._broker.held()
        return position.entry_price if position else 0.0

    @property
    def symbol(self) -> str:
        return self._broker.symbol

    @property
    def current_price(self) -> float:
        return self._broker.current_price

    @property
    def timestamp(self) -> datetime:
        return self.make_bar(self._broker.bar).timestamp

    @property
    def portfolio(self) -> SimpleNamespace:
        broker = self._broker
        position = broker.held()
        held = {}
        if position is not None:
            held[broker.symbol] = {
                "quantity": position.size,
                "entry_price": position.entry_price,
                "margin": position.margin,
                "leverage": position.leverage,
                "liquidation_price": broker.account.liquidation_price() or 0.0,
            }
        return SimpleNamespace(
            cash=broker.account.cash,
            portfolio_value=self.get_portfolio_value(),
            positions=held,
            trades=[row.as_dict() for row in broker.account.rows],
            portfolio_history=[
                {**row, "price": broker.close[i]} for i, row in enumerate(broker.portfolio_rows)
            ],
        )

    # ---- the past ------------------------------------------------------------------------

    @property
    def bars(self) -> SimpleNamespace:
        broker = self._broker
        columns = {name: getattr(broker, name)[: broker.visible] for name in FIELDS}
        return SimpleNamespace(timestamp=broker.time[: broker.visible], **columns)

    def history(self, n: int) -> pd.DataFrame:
        if n < 1:
            raise ValidationError("history needs at least one bar")
        bars = self.bars
        frame = pd.DataFrame({"timestamp": pd.to_datetime(bars.timestamp[-n:], unit="ms")})
        for name in FIELDS:
            frame[name] = getattr(bars, name)[-n:]
        frame["symbol"] = self.symbol
        return frame

    def make_bar(self, bar: int) -> Bar:
        broker = self._broker
        ms = broker.time[bar]
        when = datetime.fromtimestamp(ms / 1000.0, UTC).replace(tzinfo=None)
        return Bar(when, ms, *(getattr(broker, name)[bar] for name in FIELDS), broker.symbol)

    def log(self, message: object) -> None: ...
    def plot(self, name: str, value: float) -> None: ...


def number(name: str, value: Any) -> float:
    """`value` as a finite float; ValidationError for anything else."""
    if isinstance(value, bool | str | bytes):
        raise ValidationError(f"{name} must be a number")
    try:
        converted = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValidationError(f"{name} must be a number") from error
    if not math.isfinite(converted):
        raise ValidationError(f"{name} must be finite")
    return converted


def positive(name: str, value: Any) -> float:
    converted = number(name, value)
    if converted <= 0.0:
        raise ValidationError(f"{name} must be positive")
    return converted


__all__ = ["Bar", "Order", "Strategy"]
