"""Ordinary strategies compile, and trade as they do under plain Python."""

from __future__ import annotations

import logging
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas_ta_classic
import pytest

from engine import errors
from engine.bars import NO_FUNDING, Bars
from engine.config import BacktestConfig
from engine.run.backtest import NullSink, Run
from engine.run.crossings import crossover, crossunder
from engine.run.strategy import Strategy
from sandbox.language.compiler import check, compile_strategy
from sandbox.runtime.loader import load

FILES = sorted((Path(__file__).parent / "strategies").glob("*.py"))
REFUSED = Path(__file__).parent / "strategies/refused"
SEED = 5


class Printed(logging.Handler):
    """Shows plain Python's logging where a strategy's is: in its output."""

    def emit(self, record: logging.LogRecord) -> None:
        print(f"{record.levelname}: {record.getMessage()}")


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
    monkeypatch.setattr(logging.getLogger("strategy"), "handlers", [Printed()])
    random.seed(SEED)
    np.random.seed(SEED)
    exec(compile(source, "strategy.py", "exec", dont_inherit=True), vars(module))
    name = compile_strategy(source).class_name
    found = vars(module)[name]
    assert issubclass(found, Strategy)
    return found


def test_there_are_at_least_ninety_of_them() -> None:
    assert len(FILES) >= 90


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


# File -> line and words of each problem, words of its hint.
REFUSALS: dict[str, list[tuple[int, str, str]]] = {
    "backtrader_attribute_bag": [(3, "__dict__", "setattr(self, name, value)")],
    "backtrader_cerebro": [
        (4, "os.path", "without files"),
        (5, "sys", "goes to the log"),
        (7, "backtrader", "from sandtable import Strategy"),
        (10, "no class derives from Strategy", "with a method on_data(self, data)"),
    ],
    "beginner_forgot_self": [(2, "itself (self) and the bar", "def on_data(self, data):")],
    "beginner_live_exchange": [
        (1, "ccxt", "prices arrive in on_data"),
        (12, "sleep", "a backtest waits for nothing"),
    ],
    "beginner_missing_colon": [(3, "expected ':'", "end the line with a colon")],
    "beginner_two_bots": [(6, "BuyBot (line 1), SellBot (line 6)", "keep one")],
    "beginner_wrong_hook_name": [(5, "no method on_data", "rename next")],
    "chat_style_async_on_data": [
        (1, "asyncio", "call the function directly"),
        (5, "async functions", "use a plain def"),
    ],
    "chat_style_saves_state": [
        (3, "os", "without files"),
        (4, "pickle", "keep it in self.name"),
        (5, "pathlib", "without files"),
        (14, "open", "cannot read or write files"),
        (15, "load", "reads files"),
    ],
    "chat_style_threads": [
        (1, "threading", "call the function directly"),
        (2, "concurrent.futures", "call the function directly"),
    ],
    "notebook_reads_a_file": [(3, "read_csv", "self.history(n)")],
    "notebook_saves_a_picture": [(1, "matplotlib", "self.plot(name, value)")],
    "notebook_sklearn_forest": [
        (3, "sklearn.ensemble", "np.linalg.lstsq"),
        (4, "sklearn.preprocessing", "np.linalg.lstsq"),
    ],
    "oop_descriptors": [
        (1, "singledispatchmethod", "isinstance or match"),
        (5, "__set_name__", "@property"),
        (8, "__get__", "@property"),
        (11, "__set__", "@property"),
    ],
    "oop_eval_rules": [(7, "eval", "write the expression in Python")],
    "oop_metaclass_registry": [
        (4, "__new__", "use __init__"),
        (5, "__new__", "special attributes"),
        (10, "metaclass=", "only base classes"),
    ],
    "oop_threshold_generator_hook": [(6, "would never run", "remove the yield")],
    "pine_pasted_as_it_is": [(1, "not valid Python", "a comment begins with #")],
    "quant_scipy_optimize": [
        (2, "scipy.optimize", "loop over a grid"),
        (3, "scipy.stats", "np.percentile"),
    ],
    "quant_statsmodels_arima": [
        (1, "statsmodels", "np.linalg.lstsq"),
        (2, "arch", "np.linalg.lstsq"),
    ],
    "quantconnect_algorithm": [
        (1, "AlgorithmImports", "from sandtable import Strategy"),
        (4, "no class derives from Strategy", "with a method on_data(self, data)"),
    ],
}


def test_every_file_that_is_refused_is_in_the_table() -> None:
    assert sorted(path.stem for path in REFUSED.glob("*.py")) == sorted(REFUSALS)


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_refused_is_refused_with_a_line_and_a_hint(name: str) -> None:
    problems = check((REFUSED / f"{name}.py").read_text()).problems
    expected = REFUSALS[name]
    assert [problem.line for problem in problems] == [line for line, _, _ in expected]
    for problem, (_, words, hint) in zip(problems, expected, strict=True):
        assert words in problem.message
        assert hint in str(problem.hint)
