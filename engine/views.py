"""What a strategy is shown of the market and its account: bars, columns, the portfolio.

Nothing here reaches beyond the bar that the broker stands at, and nothing that it hands out is
the engine's own memory: columns are copied, dicts are made anew.
"""

from __future__ import annotations

import operator
from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from engine.bars import Bars
from engine.broker import Broker
from engine.errors import ValidationError
from engine.margin import leverage_of
from engine.records import ACTIONS, PHASES, REASONS, SIDES

EPOCH = datetime(1970, 1, 1)
BAR_FIELDS = (
    "timestamp",
    "timestamp_ms",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "symbol",
)


def plain_text(name: Any) -> Any:
    """`name` as exactly a str when it is one of whatever kind, else itself.

    A str of a strategy's own class (a StrEnum) may claim to equal any other.
    """
    return str.__str__(name) if isinstance(name, str) else name


def utc_datetime(milliseconds: int) -> datetime:
    """UTC datetime without tzinfo of an instant in ms since the epoch."""
    return EPOCH + timedelta(milliseconds=milliseconds)


class Bar:
    """One bar as the strategy sees it: `bar.close` and `bar["close"]` are the same.

    A fresh object for every bar, so that one kept in a list does not change later.
    """

    __slots__ = ("close", "high", "low", "open", "timestamp_ms", "volume")
    symbol = ""
    timestamp_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float

    @property
    def timestamp(self) -> datetime:
        """Opening instant, UTC, without tzinfo."""
        return EPOCH + timedelta(milliseconds=self.timestamp_ms)

    def __getitem__(self, name: str) -> Any:
        if type(name) is not str:
            name = plain_text(name)
        if name in BAR_FIELDS:
            return getattr(self, name)
        raise KeyError(f"a bar has no {name!r}; it has {', '.join(BAR_FIELDS)}")

    def __contains__(self, name: object) -> bool:
        return name in BAR_FIELDS

    def __iter__(self) -> Iterator[str]:
        return iter(BAR_FIELDS)

    def __len__(self) -> int:
        return len(BAR_FIELDS)

    def get(self, name: str, default: Any = None) -> Any:
        name = plain_text(name)
        return getattr(self, name) if name in BAR_FIELDS else default

    def keys(self) -> tuple[str, ...]:
        return BAR_FIELDS

    def values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in BAR_FIELDS)

    def items(self) -> tuple[tuple[str, Any], ...]:
        return tuple((name, getattr(self, name)) for name in BAR_FIELDS)

    def __repr__(self) -> str:
        return (
            f"Bar({self.symbol} {self.timestamp:%Y-%m-%d %H:%M} open={self.open:g} "
            f"high={self.high:g} low={self.low:g} close={self.close:g} volume={self.volume:g})"
        )


def bar_class(symbol: str) -> type[Bar]:
    """A Bar type that knows its symbol, so that no bar has to carry it."""
    return type("Bar", (Bar,), {"__slots__": (), "symbol": symbol})


class Series:
    """A column up to this bar: `[-1]` is this bar's value, `[0]` the first; slices are copies."""

    __slots__ = ("_array", "_broker", "_values")

    def __init__(self, broker: Broker, array: npt.NDArray[Any]) -> None:
        self._broker = broker
        self._array = array
        self._values = array.data

    def __len__(self) -> int:
        return self._broker.i + 1 - self._broker.past

    @overload
    def __getitem__(self, key: int) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> npt.NDArray[Any]: ...
    def __getitem__(self, key: int | slice) -> Any:
        broker = self._broker
        last = broker.i - broker.past
        if type(key) is int:
            index = key + last + 1 if key < 0 else key
            if 0 <= index <= last:
                return self._values[index]
            raise IndexError(f"only {last + 1} bars are known so far; asked for [{key}]")
        count = last + 1
        if isinstance(key, bool | float | str):
            raise TypeError(f"a column is read by whole numbers and slices, not {key!r}")
        return self._array[:count][key].copy()

    def __iter__(self) -> Iterator[Any]:
        return iter(self[:].tolist())

    def __array__(self, dtype: Any = None, copy: Any = None) -> npt.NDArray[Any]:
        values = self[:]
        return values if dtype is None else values.astype(dtype)

    def __repr__(self) -> str:
        return f"Series({self[:]!r})"


class TimeSeries(Series):
    """The bars' opening instants: datetimes one by one, datetime64[ms] in slices."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        value = Series.__getitem__(self, key)
        return utc_datetime(value) if type(value) is int else value.astype("datetime64[ms]")

    def __iter__(self) -> Iterator[Any]:
        return iter(Series.__getitem__(self, slice(None)).astype("datetime64[ms]").tolist())


class BarsView:
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

    def __len__(self) -> int:
        return self._broker.i + 1 - self._broker.past  # type: ignore[attr-defined, no-any-return]

    def __getitem__(self, name: str) -> Any:
        if type(name) is not str:
            name = plain_text(name)
        if name in BAR_FIELDS:
            return getattr(self, name)
        raise KeyError(f"bars have no {name!r}; they have {', '.join(BAR_FIELDS)}")


def trade_dict(broker: Broker, symbol: str, row: int) -> dict[str, Any]:
    """A trade row as a dict with the keys of trades.csv."""
    (bar, _, action, side, reason, phase, _, quantity, price, leverage, fee, pnl, *_) = broker.rows[
        row
    ]
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
    }


class PortfolioView:
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


class PortfolioHistory:
    """The snapshots so far, made when they are read: a sequence of dicts, previous bar last."""

    __slots__ = ("_bars", "_broker")

    def __init__(self, broker: Broker, bars: Bars) -> None:
        self._broker = broker
        self._bars = bars

    def __len__(self) -> int:
        return self._broker.i

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
        last = bisect_right(broker.states, index, key=lambda state: state[0]) - 1
        cash, size, entry, margin, realized = (
            broker.states[last][1:] if last >= 0 else (broker.initial_capital, 0.0, 0.0, 0.0, 0.0)
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
