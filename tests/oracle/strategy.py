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
        tag: Any = None,
        expires: Any = None,
        oco: Any = None,
        reduce_only: Any = False,
        post_only: Any = False,
        **levels: Any,
    ) -> bool:
        order = self._broker.new_order(call, None)
        order.tag = text("tag", tag)
        order.amount = positive("amount", amount)
        order.leverage = self._leverage(leverage)
        order.limit = None if limit is None else positive("limit", limit)
        order.stop = None if stop is None else positive("stop", stop)
        if not isinstance(reduce_only, bool) or not isinstance(post_only, bool):
            raise ValidationError("reduce_only and post_only are True or False")
        if limit is None and stop is None and (expires is not None or oco is not None):
            raise ValidationError("expires and oco only with limit or stop")
        if limit is None and stop is None and reduce_only:
            raise ValidationError("reduce_only only with limit or stop")
        if post_only and (limit is None or stop is not None):
            raise ValidationError("post_only only with limit, not with stop")
        if expires is not None and (type(expires) is not int or expires < 1):
            raise ValidationError("expires is a whole number of at least 1")
        order.expires = expires
        order.oco = text("oco", oco)
        order.reduce_only, order.post_only = reduce_only, post_only
        self._levels(order, **levels)
        return self._broker.submit(order)

    def _levels(
        self,
        order: Order,
        *,
        stop_loss: Any = None,
        take_profit: Any = None,
        stop_loss_percent: Any = None,
        take_profit_percent: Any = None,
    ) -> None:
        if stop_loss is not None and stop_loss_percent is not None:
            raise ValidationError("a stop loss twice")
        if take_profit is not None and take_profit_percent is not None:
            raise ValidationError("a take profit twice")
        if stop_loss is not None:
            order.stop_loss = positive("stop_loss", stop_loss)
        if isinstance(take_profit, list | tuple):
            order.targets = targets(take_profit)
        elif take_profit is not None:
            order.take_profit = positive("take_profit", take_profit)
        if stop_loss_percent is not None:
            order.stop_loss_percent = positive("stop_loss_percent", stop_loss_percent)
            if order.stop_loss_percent >= 100.0:
                raise ValidationError("a stop's percent is below 100")
        if take_profit_percent is not None:
            order.take_profit_percent = positive("take_profit_percent", take_profit_percent)

    def close_position(self, percentage: Any = 100.0, *, tag: Any = None) -> bool:
        order = self._broker.new_order("close_position", None)
        order.tag = text("tag", tag)
        order.amount = number("percentage", percentage)
        if not 0.0 < order.amount <= 100.0:
            raise ValidationError("percentage must be above 0 and at most 100")
        return self._broker.submit(order)

    def target_percent(
        self, percent: Any, leverage: Any = 1.0, *, tag: Any = None, **levels: Any
    ) -> bool:
        order = self._broker.new_order("target_percent", None)
        order.tag = text("tag", tag)
        order.amount = number("percent", percent)
        order.leverage = self._leverage(leverage)
        if not (0.0 if self._broker.spot else -100.0) <= order.amount <= 100.0:
            raise ValidationError("percent out of bounds")
        self._levels(order, **levels)
        return self._broker.submit(order)

    def set_stop_loss(self, price: Any) -> bool:
        return self._level("set_stop_loss", price)

    def set_take_profit(self, price: Any) -> bool:
        return self._level("set_take_profit", price)

    def set_trailing_stop(self, distance: Any = None, *, percent: Any = None) -> bool:
        return self._level("set_trailing_stop", distance, percent)

    def _level(self, call: str, value: Any, percent: Any = None) -> bool:
        order = self._broker.new_order(call, None)
        if percent is not None:
            order.trail_percent = positive("percent", percent)
            if order.trail_percent >= 100.0 or value is not None:
                raise ValidationError("percent is below 100, and no distance beside it")
        elif call == "set_take_profit" and isinstance(value, list | tuple):
            order.targets = targets(value)
        elif value is not None:
            order.amount = positive(call, value)
        return self._broker.submit(order)

    def cancel_orders(self, *, tag: Any = None) -> bool:
        order = self._broker.new_order("cancel_orders", None)
        order.tag = text("tag", tag)
        return self._broker.submit(order)

    def resting_orders(self) -> tuple[dict[str, Any], ...]:
        return tuple(
            {
                "symbol": self._broker.symbol,
                "side": order.call,
                "amount": order.amount,
                "leverage": order.leverage,
                "limit": order.limit,
                "stop": order.stop,
                "stop_loss": order.stop_loss,
                "take_profit": order.targets or order.take_profit,
                "tag": order.tag,
                "oco": order.oco,
                "expires": None if order.expires is None else order.expires - order.bars_exposed,
                "reduce_only": order.reduce_only,
                "post_only": order.post_only,
                "triggered": order.triggered,
                "timestamp": order.timestamp,
            }
            for order in self._broker.resting
        )

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


def text(name: str, value: Any) -> str | None:
    """`value` as 1 to 64 printable characters, None where nothing is given."""
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= 64 or not value.isprintable():
        raise ValidationError(f"{name} must be 1 to 64 printable characters")
    return value


def targets(pairs: Any) -> list[tuple[float, float]]:
    """(price, percent) of a list of take profits."""
    found = []
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ValidationError("take profits are pairs")
        found.append((positive("price", pair[0]), positive("percent", pair[1])))
    if not 1 <= len(found) <= 100 or any(share > 100.0 for _, share in found):
        raise ValidationError("1 to 100 take profits of at most 100 percent")
    if sum(share for _, share in found) > 100.0 + 1e-9:
        raise ValidationError("take profits of more than 100 percent")
    return found


__all__ = ["Bar", "Order", "Strategy"]
