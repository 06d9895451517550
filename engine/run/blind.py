"""Runs that do not hold their future: bars come in one by one, indicators value by value.

`BlindRun` passes bars that are handed to it singly (`engine.run.handover`); nothing in its process
knows how many there will be. `TriedRun` computes indicators over the bars there are, for whoever
compares.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.bars import COLUMNS, NO_FUNDING, Bars
from engine.config import MAX_ORDERS, BacktestConfig
from engine.run.backtest import Run, Sink
from engine.run.bar import pass_bar
from engine.run.causality import Arrays, indicator_arrays
from engine.run.handover import take_bars
from engine.run.revealed import Series, rebind
from engine.run.strategy import Strategy
from engine.run.waiting import Waiting

FIRST_CAPACITY = 1024
# So often a run that waits for its indicators is asked whether it still does.
WAITING_BARS = 256
# On so many invented bars a function is asked how many parts it returns.
INVENTED_BARS = 5_000


class _Declaring(Run):
    """A run that writes down, in their order, the indicators that `initialize` asks for."""

    def __init__(self, *items: Any, **named: Any) -> None:
        super().__init__(*items, **named)
        self.declared: list[tuple[str, list[str]]] = []
        self.parts: list[Arrays] = []

    def add_indicator(
        self, strategy: Strategy, name: Any, function: Callable[..., Any], inputs: tuple[Any, ...]
    ) -> None:
        super().add_indicator(strategy, name, function, inputs)
        shown = [item if isinstance(item, str) else repr(float(item)) for item in inputs]
        self.declared.append((str.__str__(name), shown))


class TriedRun(_Declaring):
    """Only `prepare` is called: indicators over the bars there are, failures written down."""

    def __init__(self, *items: Any, **named: Any) -> None:
        super().__init__(*items, **named)
        self.failures: list[str | None] = []

    def _computed(self, name: str, function: Callable[..., Any], arguments: list[Any]) -> Arrays:
        count, failure = len(self.bars), None
        try:
            arrays = indicator_arrays(name, function, arguments, count)
        except Exception as error:
            arrays, failure = (np.full(count, np.nan),), type(error).__name__
        self.parts.append(arrays)
        self.failures.append(failure)
        return arrays


class BlindRun(_Declaring):
    """A run over bars that are not there yet: `prepare`, `begin`, then `take_bars` as they come.

    `first_ms` is the opening instant of the first. What came so far lies in one table, a row a
    bar, that doubles when it is full.
    """

    def __init__(
        self, config: BacktestConfig, symbol: str, first_ms: int, *, sink: Sink | None = None
    ) -> None:
        columns: dict[str, Any] = {name: np.zeros(1) for name in COLUMNS}
        bars = Bars(symbol, config.timeframe, np.array([first_ms]), **columns)
        super().__init__(config, bars, NO_FUNDING, sink=sink)
        self.broker.max_orders = MAX_ORDERS  # the run's own limit would tell its length
        self.guessed = False  # whether a function could not say how many parts it has
        self.n_values = 0
        self._places: dict[str, list[int]] = {}  # name -> where its values stand in a row
        self._invented = _invented_bars(first_ms, config.timeframe.ms)
        self._shown: list[Series] = []
        self._table = np.zeros((FIRST_CAPACITY, 0))
        self._bytes = memoryview(b"")

    def begin(self, strategy: Strategy) -> None:
        """Make room for the first bars, now that the indicators are known."""
        if self._waits:
            self._waiting = Waiting(strategy, self.broker, ())
        self.n_values = len(self._shown)
        width = 1 + len(COLUMNS) + self.n_values + 2 * self.config.funding
        self._lay_out(np.zeros((FIRST_CAPACITY, width)))

    def take_bars(self, strategy: Strategy, feed_fd: int, result_fd: int, quiet: bytes) -> int:
        """Pass and answer bars from the feed; returns why it came back, see `engine.run.handover`.

        Each is a row of the table: time, prices, volume, indicators' values; with funding also the
        newest rate that settled until its close, NaN where none did, and how many settle in it.
        """
        if self.bars_done == len(self._table):
            self._lay_out(np.concatenate([self._table, np.zeros_like(self._table)]))
        stop = len(self._table)
        receiver: Any = strategy
        if self._waiting is not None and not self._waiting.over:
            receiver, stop = self._waiting, min(stop, self.bars_done + WAITING_BARS)
        settles_at = self._table.shape[1] - 1 if self.config.funding else 0
        return take_bars(
            self.broker, receiver, self, stop, self._bytes, self._table.data, self.broker.times,
            settles_at, feed_fd, result_fd, quiet,
        )  # fmt: skip

    @property
    def settlements(self) -> int:
        """How many rates settle in the newest bar read."""
        return int(self._table[self.bars_done, -1])

    def take_settled(self, strategy: Strategy, rates: list[float]) -> None:
        """Pass the bar that was read last, in which `rates` settle."""
        index, broker = self.bars_done, self.broker
        broker.settlements = {index: rates}
        broker.low_watch = math.inf  # so that the bar is walked
        waits = self._waiting is not None and not self._waiting.over
        receiver = self._waiting if waits else strategy
        time_ms = int(self.broker.times[index])
        pass_bar(
            broker, receiver, self.bars.symbol, index, time_ms, *self._table[index, 1:6].tolist()
        )
        self.bars_done = index + 1

    # --- indicators ------------------------------------------------------------------------
    def add_indicator(
        self, strategy: Strategy, name: Any, function: Callable[..., Any], inputs: tuple[Any, ...]
    ) -> None:
        super().add_indicator(strategy, name, function, inputs)
        shown = [Series(self.broker, np.zeros(1)) for _ in self.parts[-1]]
        first = 1 + len(COLUMNS) + len(self._shown)
        self._places[self.declared[-1][0]] = list(range(first, first + len(shown)))
        self._shown += shown
        strategy.indicators[self.declared[-1][0]] = shown[0] if len(shown) == 1 else tuple(shown)

    def _computed(self, name: str, function: Callable[..., Any], arguments: list[Any]) -> Arrays:
        try:
            arrays = indicator_arrays(name, function, arguments, INVENTED_BARS)
        except Exception:
            self.guessed = True
            arrays = (np.full(INVENTED_BARS, np.nan),)
        self.parts.append(arrays)
        return arrays

    def funding_rate(self) -> float:
        if not (self.config.funding and self.started):
            return math.nan
        return float(self._table[self.broker.i, -2])

    def _indicator_column(self, name: str) -> npt.NDArray[np.float64]:
        return self._invented[name]

    def _lay_out(self, table: npt.NDArray[np.float64]) -> None:
        """Let every view go on over the columns of `table`."""
        self._table = table
        self._bytes = table.data.cast("B")
        read_only = table.view()
        read_only.flags.writeable = False
        times = read_only.view(np.int64)[:, 0]
        object.__setattr__(self.bars, "timestamp", times)
        self.broker.times = times.data
        rebind(self.bars_view["timestamp"], times)
        rebind(self.bars_view["timestamp_ms"], times)
        for place, name in enumerate(COLUMNS, 1):
            object.__setattr__(self.bars, name, read_only[:, place])
            rebind(getattr(self.bars_view, name), read_only[:, place])
        for place, series in enumerate(self._shown, 1 + len(COLUMNS)):
            rebind(series, read_only[:, place])
        if self._waiting is not None:
            places = [place for part in self._places.values() for place in part]
            self._waiting.watch(read_only[:, place] for place in places)


def _invented_bars(first_ms: int, step_ms: int) -> dict[str, npt.NDArray[np.float64]]:
    """Columns of a seeded walk that have nothing to do with the bars of any run."""
    random = np.random.Generator(np.random.PCG64(0))
    close = 100.0 * np.exp(np.cumsum(random.standard_normal(INVENTED_BARS)) * 0.001)
    open_ = np.append(100.0, close[:-1])
    high, low = np.maximum(open_, close) * 1.0005, np.minimum(open_, close) * 0.9995
    return {
        "timestamp_ms": first_ms + step_ms * np.arange(INVENTED_BARS, dtype=np.float64),
        "open": open_,
        "high": high,
        "low": low,
        "close": close,
        "volume": random.lognormal(3.0, 1.0, INVENTED_BARS),
    }
