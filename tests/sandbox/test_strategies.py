"""Ordinary strategies compile, and trade as they do under plain Python."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas_ta_classic
import pytest

from engine import errors
from engine.backtest import NullSink, Run
from engine.bars import NO_FUNDING, Bars
from engine.config import BacktestConfig
from engine.crossings import crossover, crossunder
from engine.strategy import Strategy
from sandbox.compiler import compile_strategy, load

FILES = sorted((Path(__file__).parent / "strategies").glob("*.py"))
SEED = 5


def config_for(source: str) -> BacktestConfig:
    futures = "# mode: futures" in source
    document: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "timeframe": "1h",
        "start_date": "2024-01-01",
        "end_date": "2024-01-28",
        "initial_capital": 100.0,
    }
    if futures:
        document |= {"trading_mode": "futures", "max_leverage": 5.0}
    return BacktestConfig.from_document(document)


def recorded(strategy_class: type[Strategy], source: str, bars: Bars) -> dict[str, Any]:
    """Everything that a run of the class leaves behind."""
    sink = NullSink()
    run = Run(config_for(source), bars, NO_FUNDING, sink=sink)
    run.execute(strategy_class)
    plots = {name: values.tolist() for name, (_, values) in run.plots().items()}
    return {
        "orders": run.orders().tobytes(),
        "fills": run.broker.rows.records().tobytes(),
        "digest": run.fills_digest(),
        "plots": plots,
        "log": sink.lines,
    }


def plain_class(source: str, monkeypatch: pytest.MonkeyPatch) -> type[Strategy]:
    """The strategy class that plain Python makes of the source."""
    package = ModuleType("sandtable")
    scope = {"Strategy": Strategy, "crossover": crossover, "crossunder": crossunder} | {
        name: item for name, item in vars(errors).items() if isinstance(item, type)
    }
    vars(package).update(scope)
    monkeypatch.setitem(sys.modules, "sandtable", package)
    monkeypatch.setitem(sys.modules, "pandas_ta", pandas_ta_classic)
    numba = ModuleType("numba")
    vars(numba)["njit"] = lambda **options: lambda function: function
    monkeypatch.setitem(sys.modules, "numba", numba)
    module = ModuleType("strategy")
    monkeypatch.setitem(sys.modules, "strategy", module)
    vars(module).update(scope)
    random.seed(SEED)
    np.random.seed(SEED)
    exec(compile(source, "strategy.py", "exec", dont_inherit=True), vars(module))
    name = compile_strategy(source).class_name
    found = vars(module)[name]
    assert issubclass(found, Strategy)
    return found


def test_there_are_at_least_forty_of_them() -> None:
    assert len(FILES) >= 40


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_strategy_trades_as_under_plain_python(
    path: Path,
    four_weeks: Bars,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = path.read_text()
    plain = recorded(plain_class(source, monkeypatch), source, four_weeks)
    printed: list[str] = []
    compiled = compile_strategy(source)
    ours = load(compiled, seed=SEED, now_ms=lambda: 0, write=printed.append)
    assert recorded(ours, source, four_weeks) == plain
    assert plain["orders"], "a strategy that never trades shows nothing"
    assert "".join(printed) == capsys.readouterr().out
