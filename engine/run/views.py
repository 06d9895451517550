"""What a strategy is shown of the market and its account: bars, columns, the portfolio.

Nothing here reaches beyond the bar that the broker stands at, and nothing that it hands out is
the engine's own memory: columns are copied, dicts are made anew.
"""

from __future__ import annotations

import operator
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, overload

import numpy as np

from engine.account import codes
from engine.account.broker import Broker, RestingOrder
from engine.account.margin import leverage_of
from engine.account.records import ACTIONS, PHASES, REASONS, SIDES
from engine.bars import Bars
from engine.errors import ValidationError
from engine.run.bar import BAR_FIELDS, plain_text
from engine.run.revealed import Series, TimeSeries
from engine.uncopied import Uncopied


class BarsView(Uncopied):
    """`self.bars`: the columns up to this bar."""

    __slots__ = (
        "_broker",
        "close",
        "high",
        "low",
        "open",
        "symbol",
        "timestamp",
        "timestamp_ms",
        "volume",
    )

    def __init__(self, broker: Broker, bars: Bars) -> None:
        put = object.__setattr__
        put(self, "_broker", broker)
        put(self, "symbol", bars.symbol)
        put(self, "timestamp", TimeSeries(broker, bars.timestamp))
        put(self, "timestamp_ms", Series(broker, bars.timestamp))
        for name in ("open", "high", "low", "close", "volume"):
            put(self, name, Series(broker, getattr(bars, name)))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("bars are read-only")

    def __getattr__(self, name: str) -> Any:
        message = f"bars have no {name!r}; they have {', '.join(BAR_FIELDS)}"
        raise AttributeError(message, name=name, obj=self)

    def __len__(self) -> int:
        return self._broker.i + 1 - self._broker.past  # type: ignore[no-any-return]

    def __getitem__(self, name: str) -> Any:
        if type(name) is not str:
            name = plain_text(name)
        if name in BAR_FIELDS:
            return getattr(self, name)
        raise KeyError(f"bars have no {name!r}; they have {', '.join(BAR_FIELDS)}")


def trade_dict(broker: Broker, symbol: str, row: int) -> dict[str, Any]:
    """A trade row as a dict with the keys of trades.csv."""
    cells = broker.rows.row(row)
    bar, order, action, side, reason, phase = map(int, cells[:6])
    quantity, price, leverage, fee, pnl = cells[7:12]
    return {
        "timestamp": broker.times[bar],
        "action": ACTIONS[action],
        "symbol": symbol,
        "quantity": quantity,
        "price": price,
        "leverage": leverage,
        "fee": fee,
        "position_type": SIDES[side],
        "pnl": pnl,
        "reason": REASONS[reason],
        "phase": PHASES[phase],
        "tag": word_of(broker, order, codes.IN_TAG) or "",
    }


def word_of(broker: Broker, order: int, column: int) -> Any:
    """The word that call number `order` names in `column`; None where there is none."""
    number = int(broker.calls.row(order)[column]) if order >= 0 else 0
    return broker.words[number] if number else None


def resting_orders(broker: Broker, symbol: str) -> tuple[dict[str, Any], ...]:
    """The orders that rest now, as `Strategy.resting_orders` tells them.

    Changes nothing: a replay, in which nobody looks, must come to the same.
    """
    done = broker.i - broker.past
    waiting = [order for order in broker.resting if order.last > done]
    return tuple(_resting_dict(broker, symbol, order) for order in waiting)


def _resting_dict(broker: Broker, symbol: str, order: RestingOrder) -> dict[str, Any]:
    cells = broker.calls.row(order.index)
    given = int(cells[codes.IN_GIVEN])

    def price(bit: int, column: int) -> float | None:
        return cells[column] if given & bit else None

    targets = word_of(broker, order.index, codes.IN_TARGETS)
    take_profit = price(codes.GIVEN_TAKE_PROFIT, codes.IN_TAKE_PROFIT)
    exposed = broker.i - broker.past - order.bar  # bars that have exposed it and are over
    return {
        "symbol": symbol,
        "side": "buy" if order.side > 0 else "sell",
        "amount": order.amount,
        "leverage": order.leverage,
        "limit": price(codes.GIVEN_LIMIT, codes.IN_LIMIT),
        "stop": price(codes.GIVEN_STOP, codes.IN_STOP),
        "stop_loss": price(codes.GIVEN_STOP_LOSS, codes.IN_STOP_LOSS),
        "take_profit": list(targets) if targets else take_profit,
        "tag": word_of(broker, order.index, codes.IN_TAG),
        "oco": word_of(broker, order.index, codes.IN_OCO),
        "expires": int(cells[codes.IN_EXPIRES]) - max(0, exposed)
        if given & codes.GIVEN_EXPIRES
        else None,
        "reduce_only": order.reduce_only,
        "post_only": order.post_only,
        "triggered": order.triggered,
        "timestamp": broker.times[order.bar],
    }


class PortfolioView(Uncopied):
    """`self.portfolio`: the account, to read."""

    __slots__ = ("_broker", "_history", "_symbol")

    def __init__(self, broker: Broker, bars: Bars) -> None:
        put = object.__setattr__
        put(self, "_broker", broker)
        put(self, "_symbol", bars.symbol)
        put(self, "_history", PortfolioHistory(broker, bars))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("the portfolio is read-only; trade with buy, sell, close_position")

    @property
    def cash(self) -> float:
        return self._broker.cash  # type: ignore[attr-defined, no-any-return]

    @property
    def portfolio_value(self) -> float:
        return self._broker.value()  # type: ignore[attr-defined, no-any-return]

    @property
    def positions(self) -> dict[str, dict[str, float]]:
        """`{symbol: {quantity, entry_price, margin, leverage, liquidation_price}}`.

        `quantity` is signed; `liquidation_price` is 0 where it is never reached.
        """
        broker: Broker = self._broker  # type: ignore[attr-defined]
        if broker.size == 0.0:
            return {}
        level = broker.liquidation
        return {
            self._symbol: {  # type: ignore[attr-defined]
                "quantity": broker.size,
                "entry_price": broker.entry,
                "margin": broker.margin,
                "leverage": broker.leverage(),
                "liquidation_price": level if 0.0 < level < float("inf") else 0.0,
            }
        }

    @property
    def trades(self) -> list[dict[str, Any]]:
        broker: Broker = self._broker  # type: ignore[attr-defined]
        return [trade_dict(broker, self._symbol, row) for row in range(len(broker.rows))]  # type: ignore[attr-defined]

    @property
    def portfolio_history(self) -> PortfolioHistory:
        return self._history  # type: ignore[attr-defined, no-any-return]


class PortfolioHistory(Uncopied):
    """The snapshots so far, made when they are read: a sequence of dicts.

    The previous bar's is the last one during a bar; `on_finish`, after them all, sees every one.
    """

    __slots__ = ("_bars", "_broker")

    def __init__(self, broker: Broker, bars: Bars) -> None:
        self._broker = broker
        self._bars = bars

    def __len__(self) -> int:
        between_bars = self._broker.locked is not None  # in initialize, where i is -1, or on_finish
        return self._broker.i + between_bars

    @overload
    def __getitem__(self, key: int) -> dict[str, float]: ...
    @overload
    def __getitem__(self, key: slice) -> list[dict[str, float]]: ...
    def __getitem__(self, key: int | slice) -> Any:
        count = len(self)
        if isinstance(key, slice):
            return [self._row(index) for index in range(*key.indices(count))]
        number = operator.index(key)  # which cannot lie about how it compares
        index = number + count if number < 0 else number
        if not 0 <= index < count:
            raise IndexError(f"{count} snapshots were taken so far; asked for [{key}]")
        return self._row(index)

    def __iter__(self) -> Iterator[dict[str, float]]:
        return (self._row(index) for index in range(len(self)))

    def _row(self, index: int) -> dict[str, float]:
        broker = self._broker
        states = broker.states
        last = bisect_right(range(len(states)), index, key=lambda n: int(states.row(n)[0])) - 1
        cash, size, entry, margin, realized = (
            states.row(last)[1:] if last >= 0 else (broker.initial_capital, 0.0, 0.0, 0.0, 0.0)
        )
        price = float(self._bars.close[index])
        unrealized = size * (price - entry)
        return {
            "timestamp": broker.times[index],
            "portfolio_value": cash + margin + unrealized,
            "cash": cash,
            "unrealized_pnl": unrealized,
            "realized_pnl": realized,
            "margin_used": margin,
            "leverage_ratio": leverage_of(size, entry, margin),
            "price": price,
        }


def check_count(n: Any) -> int:
    """`n` as a whole number of bars, at least 1; ValidationError otherwise."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer):
        if isinstance(n, float) and n.is_integer():
            n = int(n)
        else:
            raise ValidationError(f"history(n) takes a whole number of bars; got {n!r:.40}")
    if n < 1:
        raise ValidationError(f"history(n) needs n of at least 1; got {n}")
    return int(n)
