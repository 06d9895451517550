"""The strategy of a file and its parameters, found without running it, as the engine finds them."""

from __future__ import annotations

import pytest

from engine.run.strategy import parameters_of
from sandbox.language.compiler import check, compile_strategy
from sandbox.runtime.loader import load

HOOK = "    def on_data(self, data): pass\n"
BODY = """
import math
BASE = 10
HOURS = 24 * 7
class Mixin:
    window = 7
class Template(Strategy):
    size = 0.1
    wait = 5
    gone = 3
class S(Mixin, Template):
    fast = BASE
    slow = fast * 3 + 1
    hold = HOURS
    low, high = 30, 70
    first = second = -1
    ratio: float = 1 / 4
    typed: int
    name = "a" "b" + "c"
    on = not False
    power = 2 ** 10
    rest = 17 % 5 // 2
    gone = None
    _private = 1
    table = [1, 2]
    computed = math.floor(2.5)
    wait = 6
    def method(self): pass
    def on_data(self, data): pass
"""


def names(source: str) -> list[str]:
    return [parameter.name for parameter in check(f"{source}{HOOK}").parameters]


def test_the_static_parameters_are_those_of_the_loaded_class() -> None:
    compiled = compile_strategy(BODY)
    loaded = load(compiled, seed=0, now_ms=lambda: 0, write=print)
    static = {parameter.name: parameter.default for parameter in compiled.parameters}
    assert static == {k: v for k, v in parameters_of(loaded).items() if k != "computed"}
    assert static["slow"] == 31
    assert static["wait"] == 6


@pytest.mark.parametrize(
    "value", ["10 ** 10 ** 10", "'a' * 10 ** 9", "1 / 0", "1e999", "-(10 ** 400)", "(-8) ** 0.5"]
)
def test_a_value_that_is_no_plain_number_is_no_parameter(value: str) -> None:
    assert names(f"class S(Strategy):\n    x = {value}\n") == []


@pytest.mark.parametrize(
    "head",
    [
        "from sandtable import Strategy\nclass S(Strategy)",
        "from sandtable import Strategy as Base\nclass S(Base)",
        "import sandtable\nclass S(sandtable.Strategy)",
        "import sandtable as st\nclass S(st.Strategy)",
        "class S(Strategy)",
    ],
)
def test_the_base_is_known_by_every_name_that_imports_give_it(head: str) -> None:
    assert check(f"{head}:\n    n = 1\n{HOOK}").class_name == "S"


def test_a_strategy_under_if_is_found() -> None:
    assert check(f"if True:\n    class S(Strategy):\n        n = 1\n    {HOOK}").class_name == "S"


def test_two_leaves_of_one_helper_base_are_two_strategies() -> None:
    source = "class B(Strategy): pass\nclass X(B): pass\nclass Y(B): pass\n"
    (problem,) = check(source).problems
    assert problem.message.endswith("found X (line 2), Y (line 3)")


def test_other_classes_do_not_count() -> None:
    report = check(
        "class A: pass\nclass E(Exception): pass\n"
        "class S(Strategy):\n  def on_data(self, data): pass\n"
    )
    assert report.class_name == "S"


def test_only_a_helper_that_nothing_derives_from_is_missing_its_strategy() -> None:
    (problem,) = check("class A:\n    pass\n").problems
    assert (problem.code, problem.line) == ("SP160", 1)
