"""One workload without the sandbox, in a process of its own: the floor, native code, the policy.

    python -m tests.benchmarks.native floor|native|policy WORKLOAD COUNT [--futures]

floor   the strategy's callback over ready-made bars, its orders going nowhere
native  the strategy as plain Python in the engine
policy  the strategy compiled by the sandbox's language policy, in the engine

Prints one JSON line with the CPU seconds of the pass over the bars.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from engine.bars import NO_FUNDING, Bars
from engine.config import BacktestConfig
from engine.enums import LookaheadCheck, TradingMode
from engine.run.backtest import Run
from engine.run.strategy import Strategy
from sandbox.language.compiler import compile_strategy
from sandbox.runtime.loader import load
from tests.benchmarks.bars import COLUMNS, minute_bars
from tests.benchmarks.workloads import FEE_RATE, WORKLOADS, Workload


def config_of(workload: Workload, bars: Bars, **changes: Any) -> BacktestConfig:
    """Returns the workload's configuration over all of `bars`."""
    first, last = (
        datetime.fromtimestamp(int(bars.timestamp[i]) / 1000, UTC).date() for i in (0, -1)
    )
    config = BacktestConfig(
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        start_date=first,
        end_date=last,
        initial_capital=workload.cash,
        trading_mode=TradingMode.FUTURES if workload.futures else TradingMode.SPOT,
        max_leverage=workload.max_leverage,
        fee_rate=FEE_RATE,
        lookahead_check=LookaheadCheck.OFF,
    )
    return replace(config, **changes)


class Bystander:
    """Takes every order and does nothing: what is left is the strategy's own work."""

    def get_cash(self) -> float:
        return 1.0

    def get_position_size(self) -> float:
        return 1.0

    def buy(self, *_: float, **__: float) -> bool:
        return True

    sell = close_position = buy


class ReadyBar:
    __slots__ = COLUMNS


def plain_class(source: str, base: type) -> type:
    """Returns the one class that the source derives from `base`, run as ordinary Python."""
    names: dict[str, Any] = {"Strategy": base, "__name__": "strategy"}
    exec(source, names)
    return next(
        value
        for value in names.values()
        if isinstance(value, type) and issubclass(value, base) and value is not base
    )


def floor(workload: Workload, bars: Bars) -> float:
    ready = []
    for values in zip(*(getattr(bars, name).tolist() for name in COLUMNS), strict=True):
        bar = ReadyBar()
        for name, value in zip(COLUMNS, values, strict=True):
            setattr(bar, name, value)
        ready.append(bar)
    strategy = plain_class(workload.source, Bystander)()
    strategy.initialize()
    gc.freeze()
    on_data = strategy.on_data
    start = time.process_time()
    for bar in ready:
        on_data(bar)
    return time.process_time() - start


def native(workload: Workload, bars: Bars) -> float:
    return _execute(workload, bars, plain_class(workload.source, Strategy))


def policy(workload: Workload, bars: Bars) -> float:
    compiled = compile_strategy(workload.source)
    loaded = load(compiled, seed=0, now_ms=lambda: 0, write=lambda text: None)
    return _execute(workload, bars, loaded)


def _execute(workload: Workload, bars: Bars, strategy: type) -> float:
    run = Run(config_of(workload, bars), bars, NO_FUNDING)
    gc.freeze()
    start = time.process_time()
    run.execute(strategy)
    return time.process_time() - start


def main() -> None:
    kind, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    workload = replace(WORKLOADS[name], futures="--futures" in sys.argv)
    measured = {"floor": floor, "native": native, "policy": policy}[kind]
    print(json.dumps({"cpu_s": measured(workload, minute_bars(count))}))


if __name__ == "__main__":
    main()
