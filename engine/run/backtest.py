"""The main path: bars go past a strategy one by one, and its orders through the broker.

`Run` is one pass of one strategy over one series of bars. Its loop does no accounting: the
account's per-bar series are made afterwards from the ledger (`engine.analysis.accounting`), and the
bars themselves pass in `engine.run.bar`.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engine.account.broker import Broker
from engine.account.fingerprint import digest_of_rows
from engine.account.ledger import ledger_of
from engine.account.price_path import close_at_end
from engine.bars import COLUMNS, NO_FUNDING, Bars, Funding
from engine.config import MAX_PLOT_POINTS, MAX_PLOTS, BacktestConfig, max_orders
from engine.errors import DataError, StrategyError, ValidationError
from engine.run.bar import pass_bars, plain_text
from engine.run.causality import causal_arrays
from engine.run.revealed import Series
from engine.run.strategy import Strategy, apply_params, file_of, make_strategy, parameters_of
from engine.run.views import BarsView, PortfolioView, check_count, trade_dict
from engine.run.waiting import Waiting
from engine.uncopied import Uncopied

CHUNK_BARS = 256
CHUNK_WALL_S = 0.1
MAX_PLOT_NAME = 100

Plots = dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]


class Sink(Protocol):
    """Where a run's log and progress go."""

    def write(self, text: str) -> None: ...
    def progress(self, bars_done: int, equity: float) -> None: ...


class NullSink:
    """Keeps the log, shows nothing."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, bars_done: int, equity: float) -> None:
        pass


class Run(Uncopied):
    """One strategy over one series of bars. Make it, `execute` it once, read what it recorded.

    Raises DataError when there are no bars. `execute` raises whatever the strategy raises;
    everything recorded up to then can still be read.
    """

    def __init__(
        self, config: BacktestConfig, bars: Bars, funding: Funding, *, sink: Sink | None = None
    ) -> None:
        if len(bars) == 0:
            raise DataError(f"no bars of {bars.symbol} {bars.timeframe} to run on")
        self.config = config
        self.bars = bars
        self.broker = Broker(config, bars, funding, max_orders(len(bars)))
        self.bars_view = BarsView(self.broker, bars)
        self.portfolio_view = PortfolioView(self.broker, bars)
        self.bars_done = 0
        self._sink: Sink = sink or NullSink()
        self._indicator_inputs: dict[str, npt.NDArray[np.float64]] = {}
        self._indicators: dict[str, tuple[npt.NDArray[np.float64], ...]] = {}
        # Flat arrays: two million points as objects would take more memory than most runs.
        self._plots: dict[str, tuple[array[int], array[float]]] = {}
        self._plot_points = 0
        self.dropped_points = 0
        self._initializing = False
        self._funding = funding
        self._waiting: Waiting | None = None
        self._waits = False

    @property
    def now_ms(self) -> int:
        """Opening instant of the bar being processed, the first one's before it."""
        return int(self.bars.timestamp[max(0, self.broker.i)])

    @property
    def started(self) -> bool:
        """Whether the first bar has been reached."""
        return self.broker.i >= 0

    @property
    def indicator_wait_bars(self) -> int | None:
        """How many bars passed before every indicator was finite; None when nobody waited."""
        return None if self._waiting is None else self._waiting.bars

    # --- the pass ----------------------------------------------------------------------------
    def execute(self, strategy_class: type[Strategy], stop_after: int | None = None) -> None:
        """Run `strategy_class` over the bars; with `stop_after`, up to and with that bar."""
        strategy = self.prepare(strategy_class)
        count = len(self.bars)
        stop = count if stop_after is None else min(count, stop_after + 1)
        if self._waits:
            arrays = (array for parts in self._indicators.values() for array in parts)
            self._waiting = Waiting(strategy, self.broker, arrays)
        self._loop(strategy, stop)
        if stop == count:
            if self.config.close_at_end:
                close_at_end(self.broker, float(self.bars.close[-1]))
            self.finish(strategy)

    def prepare(self, strategy_class: type[Strategy]) -> Strategy:
        """The strategy, initialized and bound to this run: what comes before the first bar."""
        broker = self.broker
        broker.locked = "no orders in initialize: there is no price yet"
        broker.source_file = file_of(strategy_class)
        self._initializing = True
        strategy = make_strategy(self, strategy_class)
        # Once more: an override also wins over a value that an `__init__` has assigned.
        apply_params(strategy, parameters_of(strategy_class), self.config.params)
        strategy.initialize()
        self._initializing = False
        broker.locked = None
        if _overrides(strategy, "on_fill"):
            symbol = self.bars.symbol

            def hook(row: int) -> None:
                strategy.on_fill(trade_dict(broker, symbol, row))

            broker.hook = hook
        return strategy

    def finish(self, strategy: Strategy) -> None:
        """What comes after the last bar."""
        self.broker.locked = "no orders in on_finish: the last bar is over"
        strategy.on_finish()

    def _loop(self, strategy: Strategy, stop: int) -> None:
        broker = self.broker
        columns = tuple(memoryview(getattr(self.bars, name)) for name in ("timestamp", *COLUMNS))
        settled = sorted(broker.settlements)
        settled.append(stop)
        next_settlement = 0
        start, size = 0, CHUNK_BARS
        clock = time.monotonic()
        while start < stop:
            # A bar with a settlement begins a chunk, and the sentinel makes it be walked.
            while settled[next_settlement] < start:
                next_settlement += 1
            if settled[next_settlement] == start:
                next_settlement += 1
                broker.low_watch = math.inf
            end = min(stop, start + size, settled[next_settlement])
            try:
                waits = self._waiting is not None and not self._waiting.over
                receiver = self._waiting if waits else strategy
                pass_bars(broker, receiver, self.bars.symbol, start, end, *columns)
            except BaseException:
                self.bars_done = broker.i
                raise
            self.bars_done = start = end
            now = time.monotonic()
            if now - clock >= CHUNK_WALL_S:
                self._sink.progress(end, broker.value())
                size = max(CHUNK_BARS // 16, size // 2) if now - clock > 2 * CHUNK_WALL_S else size
                clock = now
            else:
                size = min(size * 2, 1 << 16)

    # --- what it recorded ----------------------------------------------------------------------
    def orders(self, start: int = 0, stop: int | None = None) -> npt.NDArray[np.void]:
        """The order calls from number `start` on, before `stop`, as ORDER_DTYPE."""
        return self.broker.calls.records(start, stop)

    def fills_digest(self) -> bytes:
        """Fingerprint of the trade rows; see `engine.account.fingerprint`."""
        return digest_of_rows(self.broker.rows)

    def plots(self) -> Plots:
        """Name -> (times in ms, values) of the lines drawn with `plot`."""
        return {
            name: (np.array(times, np.int64), np.array(values, np.float64))
            for name, (times, values) in self._plots.items()
        }

    def indicators(self) -> dict[str, tuple[npt.NDArray[np.float64], ...]]:
        """Name -> what `indicator` made under it: arrays of one value a bar, over all bars."""
        return dict(self._indicators)

    # --- called by the strategy ------------------------------------------------------------------
    def write(self, text: str) -> None:
        self._sink.write(text)

    def add_plot(self, name: Any, value: Any) -> None:
        name = plain_text(name)
        if not isinstance(name, str) or not 0 < len(name) <= MAX_PLOT_NAME:
            raise ValidationError(f"plot: the name must be a text of 1 to {MAX_PLOT_NAME} letters")
        if not self.started:
            raise StrategyError("plot: there is no bar yet; plot from on_data")
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ValidationError(f"plot {name!r}: {value!r:.40} is not a number") from None
        if not math.isfinite(number):
            return  # an indicator that has not warmed up leaves a gap in its line
        line = self._plots.get(name)
        if line is None:
            if len(self._plots) >= MAX_PLOTS:
                raise ValidationError(f"plot: at most {MAX_PLOTS} lines; {name!r} is one more")
            line = self._plots[name] = (array("q"), array("d"))
        if self._plot_points >= MAX_PLOT_POINTS:
            self.dropped_points += 1
            return
        self._plot_points += 1
        line[0].append(self.broker.times[self.broker.i])
        line[1].append(number)

    def wait_for_indicators(self) -> None:
        if not self._initializing:
            raise StrategyError("wait_for_indicators() belongs in initialize")
        self._waits = True

    def funding_rate(self) -> float:
        """The newest rate settled at or before the bar's close; NaN where there is none."""
        times = self._funding.timestamp
        if not self.config.funding or not self.started:
            return math.nan
        close_ms = int(self.bars.timestamp[self.broker.i]) + self.bars.timeframe.ms
        settled = int(np.searchsorted(times, close_ms, side="right"))
        return float(self._funding.rate[settled - 1]) if settled else math.nan

    def history(self, n: Any) -> Any:
        import pandas as pd

        count = check_count(n)
        if not self.started:
            raise StrategyError(
                "history(): there is no bar yet: initialize runs before the first one; ask for "
                "it in on_data, or compute over the whole range with self.indicator"
            )
        known = self.broker.i + 1 - self.broker.past
        start = max(0, known - count)
        bars = self.bars
        times = bars.timestamp[start:known]
        return pd.DataFrame(
            {
                "timestamp": times.astype("datetime64[ms]"),
                "timestamp_ms": times.copy(),
                **{name: getattr(bars, name)[start:known].copy() for name in COLUMNS},
                "symbol": bars.symbol,
            }
        )

    def add_indicator(
        self, strategy: Strategy, name: Any, function: Callable[..., Any], inputs: tuple[Any, ...]
    ) -> None:
        if not self._initializing:
            raise StrategyError("indicator() belongs in initialize")
        name = plain_text(name)
        if not isinstance(name, str) or not name:
            raise ValidationError("indicator: the name must be a text")
        if not callable(function):
            raise ValidationError(f"indicator {name!r}: the second argument must be a function")
        arguments = [self._indicator_input(name, item) for item in inputs]
        arrays = self._computed(name, function, arguments)
        self._indicators[name] = arrays
        shown = tuple(Series(self.broker, array) for array in arrays)
        strategy.indicators[name] = shown[0] if len(shown) == 1 else shown
        if len(arrays) == 1:
            self._indicator_inputs[name] = arrays[0]

    def _computed(
        self, name: str, function: Callable[..., Any], arguments: list[Any]
    ) -> tuple[npt.NDArray[np.float64], ...]:
        """The arrays of an indicator over the whole range, tried for causality."""
        return causal_arrays(name, function, arguments, len(self.bars))

    def _indicator_column(self, name: str) -> npt.NDArray[np.float64]:
        """One of COLUMNS or "timestamp_ms", as an indicator's function gets it."""
        if name == "timestamp_ms":
            return self.bars.timestamp.astype(np.float64)
        column: npt.NDArray[np.float64] = getattr(self.bars, name)
        return column

    def _indicator_input(self, name: str, item: Any) -> Any:
        item = plain_text(item)
        if isinstance(item, str):
            if item in COLUMNS:
                return self._indicator_column(item)
            if item == "timestamp_ms":
                return self._indicator_column(item)
            if item in self._indicator_inputs:
                return self._indicator_inputs[item]
            known = ", ".join((*COLUMNS, "timestamp_ms", *self._indicator_inputs))
            raise ValidationError(f"indicator {name!r}: no column {item!r}; there are {known}")
        if isinstance(item, int | float | bool | np.number):
            return item
        raise ValidationError(
            f"indicator {name!r}: inputs are column names and numbers, not {item!r:.40}"
        )


def run_backtest(
    config: BacktestConfig,
    bars: Bars,
    strategy_class: type[Strategy],
    funding: Funding = NO_FUNDING,
    *,
    sink: Sink | None = None,
) -> Any:
    """Run people's own code, unsandboxed, and return its results. Raises what it raises."""
    from engine.analysis.results import BacktestResults

    started = time.perf_counter()
    run = Run(config, bars, funding, sink=sink)
    run.execute(strategy_class)
    ledger = ledger_of(run.broker, len(bars), run.plots())
    ledger = replace(
        ledger,
        dropped_points=run.dropped_points,
        indicator_wait_bars=run.indicator_wait_bars,
    )
    return BacktestResults.build(config, bars, ledger, time.perf_counter() - started)


def _overrides(strategy: Strategy, name: str) -> bool:
    return getattr(type(strategy), name) is not getattr(Strategy, name)
