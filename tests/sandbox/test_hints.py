"""What a beginner who comes from elsewhere is told, word by word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.bars import NO_FUNDING
from engine.run.backtest import Run
from sandbox.language.compiler import check, compile_strategy, describe_error
from sandbox.language.names import module_hint
from sandbox.runtime.loader import load
from tests.engine.builders import flat_bars, make_config

STRATEGY = "class S(Strategy):\n    def on_data(self, bar):\n        {}\n"


def test_self_data_is_answered_with_what_the_bar_is() -> None:
    (problem,) = check(STRATEGY.format("if self.data.Close[-1] > 1: pass")).problems
    assert (problem.line, problem.message) == (3, 'there is no "self.data"')
    assert problem.hint == (
        "the bar is the argument of on_data; the past is self.bars.close and self.history(n)"
    )
    assert "raw buffer" in str(check(STRATEGY.format("bar.x.data")).problems[0].hint)
    own = "class S(Strategy):\n    def on_data(self, bar):\n        self.data = [bar]\n"
    assert check(own + "        return self.data\n").valid


@pytest.mark.parametrize(
    ("word", "hint"),
    [("position", "get_position_size"), ("I", "self.indicator"), ("datas", "argument of on_data"),
     ("equity", "get_portfolio_value"), ("set_holdings", "target_percent")],
)  # fmt: skip
def test_words_of_other_engines_are_answered_with_ours(word: str, hint: str) -> None:
    (slip,) = check(STRATEGY.format(f"print(self.{word})")).remarks
    assert hint in str(slip.hint)


@pytest.mark.parametrize(
    ("module", "hint"),
    [("sklearn.linear_model", "np.linalg.lstsq"), ("polars", "use pandas"), ("scipy", "use numpy"),
     ("scipy.stats", "np.percentile"), ("requests", "no network"), ("ccxt", "no network"),
     ("yfinance", "self.history(n)"), ("torch", "numpy"), ("seaborn", "self.plot"),
     ("zipline.api", "from sandtable import Strategy"), ("quantstats", "result page")],
)  # fmt: skip
def test_a_module_that_is_not_there_says_what_to_do(module: str, hint: str) -> None:
    assert hint in module_hint(module)


@pytest.mark.parametrize("line", ["from numpy.lib import math", "import numpy as np\nx = np.math"])
def test_numpys_math_is_pythons(line: str) -> None:
    (problem,) = check(f"{line}\n{STRATEGY.format('pass')}").problems
    assert problem.hint == "import math"


def raised(body: str, initialize: str = "pass") -> str:
    """What a run of two bars is told at its end."""
    source = (
        "import numpy as np, pandas as pd\nclass S(Strategy):\n"
        f"    def initialize(self):\n        {initialize}\n"
        f"    def on_data(self, bar):\n        {body}\n"
    )
    made = load(compile_strategy(source), seed=0, now_ms=lambda: 0, write=print)
    run = Run(make_config(), flat_bars([100.0, 101.0]), NO_FUNDING)
    with pytest.raises(Exception) as caught:  # noqa: PT011
        run.execute(made)
    return describe_error(caught.value, source)[0]


FIELDS = "timestamp, timestamp_ms, open, high, low, close, volume, symbol"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("bar.vwap", f"a bar has no 'vwap'; it has {FIELDS}"),
        ("bar.Close", f"a bar has no 'Close'; it has {FIELDS}; did you mean 'close'?"),
        ("bar['Close']", f"a bar has no 'Close'; it has {FIELDS}"),
        ("self.bars.Close", f"bars have no 'Close'; they have {FIELDS}; did you mean 'close'?"),
        ("self.bars.close.mean()", "a slice is a numpy array: self.bars.close[-20:].mean()"),
        ("len(self.bars) < 2 or (1 if self.bars.close > 5 else 0)", "alone write [-1]"),
    ],
)
def test_a_missing_field_names_those_that_there_are(body: str, message: str) -> None:
    assert message in raised(body)


def test_history_in_initialize_says_why_there_is_none() -> None:
    message = raised("pass", "self.past = self.history(200)")
    assert message.startswith("StrategyError: history(): there is no bar yet")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("lambda c: pd.DataFrame({'a': c, 'b': c})", "such as (frame[a], frame[b])"),
        ("lambda c: None", "nothing (None)"),
        ("lambda c: {'a': c}", "a dict of a"),
        ("lambda c: [c, c]", "a list of 2 arrays"),
        ("lambda c: np.column_stack([c, c])", "a table of"),
    ],
)  # fmt: skip
def test_an_indicator_is_told_what_to_return(function: str, words: str) -> None:
    message = raised("pass", f"self.indicator('x', {function}, 'close')")
    assert words in message
    assert "or a tuple of them" in message


@pytest.mark.parametrize(
    ("operation", "value"),
    [
        (lambda c, o: c * 2, [200.0, 202.0]), (lambda c, o: 2 * c, [200.0, 202.0]),
        (lambda c, o: c > 100.5, [False, True]), (lambda c, o: c < 100.5, [True, False]),
        (lambda c, o: c == 100, [True, False]), (lambda c, o: c != o, [False, False]),
        (lambda c, o: c - o, [0.0, 0.0]), (lambda c, o: 1 / c, [0.01, 1 / 101]),
        (lambda c, o: -c, [-100.0, -101.0]), (lambda c, o: abs(c - 101), [1.0, 0.0]),
        (lambda c, o: c + np.array([1, 2]), [101.0, 103.0]), (lambda c, o: c ** 2, [1e4, 10201.0]),
        (lambda c, o: np.array([1, 2]) * c, [100.0, 202.0]), (lambda c, o: c // 100, [1.0, 1.0]),
        (lambda c, o: np.float64(3) + c, [103.0, 104.0]), (lambda c, o: 5 % c, [5.0, 5.0]),
        (lambda c, o: c @ o, 20201.0), (lambda c, o: c >= o, [True, True]),
    ],
)  # fmt: skip
def test_columns_take_part_in_arithmetic(operation: Callable[[Any, Any], Any], value: Any) -> None:
    run = Run(make_config(), flat_bars([100.0, 101.0, 7.0]), NO_FUNDING)
    run.broker.i = 1  # the third bar is not known yet
    made = operation(run.bars_view.close, run.bars_view.open)
    assert isinstance(made, np.ndarray | np.float64)
    assert made.tolist() == value
    assert len({run.bars_view.close, run.bars_view.open}) == 2
