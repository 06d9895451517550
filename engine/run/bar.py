"""The bar that a strategy is handed, and the loop that hands them out: the hot path.

A bar costs two comparisons against the broker's sentinels, one fresh `Bar` and the call of
`on_data`. Nothing else is done for it: the account's series are made after the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NoReturn

from engine.account.broker import Broker
from engine.account.price_path import step_bar
from engine.errors import told
from engine.run import sole_owner
from engine.uncopied import refuse_copy

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

    __slots__ = ("close", "high", "low", "open", "symbol", "timestamp_ms", "volume")
    symbol: str
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

    def __getattr__(self, name: str) -> Any:
        message = f"a bar has no {name!r}; it has {', '.join(BAR_FIELDS)}"
        raise AttributeError(message, name=name, obj=self)

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

    def __copy__(self) -> Bar:
        return self  # nobody changes a bar

    def __deepcopy__(self, memo: Any) -> Bar:
        return self

    def __reduce__(self) -> NoReturn:
        refuse_copy(self, "dict(bar.items()) is plain data")

    def __repr__(self) -> str:
        return (
            f"Bar({self.symbol} {self.timestamp:%Y-%m-%d %H:%M} open={told(self.open)} "
            f"high={told(self.high)} low={told(self.low)} close={told(self.close)} "
            f"volume={told(self.volume)})"
        )


def pass_bars(
    b: Broker,
    strategy: Any,
    symbol: str,
    start: int,
    stop: int,
    timestamp: memoryview,
    open_: memoryview,
    high: memoryview,
    low: memoryview,
    close: memoryview,
    volume: memoryview,
) -> None:
    """Take the broker and the strategy through the bars [start, stop) of the columns.

    Memoryviews yield plain Python numbers, which a strategy computes with four times as fast as
    with numpy's own.
    """
    bar = Bar.__new__(Bar)
    bar.symbol = symbol
    for index in range(start, stop):
        o = open_[index]
        h = high[index]
        lo = low[index]
        c = close[index]
        b.i = index
        b.price = c
        if lo <= b.low_watch or h >= b.high_watch:
            step_bar(b, o, h, lo, c)
        if not sole_owner.sole(bar):  # a bar that the strategy keeps does not change later
            bar = Bar.__new__(Bar)
            bar.symbol = symbol
        bar.timestamp_ms = timestamp[index]
        bar.open = o
        bar.high = h
        bar.low = lo
        bar.close = c
        bar.volume = volume[index]
        strategy.on_data(bar)


def pass_bar(
    b: Broker,
    strategy: Any,
    symbol: str,
    index: int,
    timestamp: int,
    open_: float,
    high: float,
    low: float,
    close: float,
    volume: float,
) -> None:
    """Take the broker and the strategy through one bar, as `pass_bars` does through many."""
    b.i = index
    b.price = close
    if low <= b.low_watch or high >= b.high_watch:
        step_bar(b, open_, high, low, close)
    bar = Bar.__new__(Bar)
    bar.symbol = symbol
    bar.timestamp_ms = timestamp
    bar.open = open_
    bar.high = high
    bar.low = low
    bar.close = close
    bar.volume = volume
    strategy.on_data(bar)
