"""compile_strategy, check, load and describe_error as the child uses them."""

from __future__ import annotations

import sys

import pytest

from engine.bars import NO_FUNDING
from engine.errors import StrategyError
from engine.run.backtest import NullSink, Run
from engine.run.strategy import Strategy
from sandbox.job import Parameter
from sandbox.language.compiler import RejectedCode, check, compile_strategy, describe_error
from sandbox.runtime.loader import load
from tests.engine.builders import flat_bars, make_config

CROSS = """\
class Cross(Strategy):
    fast = 20
    slow: int = 5 * 10
    risk = -0.5
    name = "cross"
    strict = True
    levels = [1, 2]

    def initialize(self):
        self._count = 0

    def on_data(self, data):
        self._count += 1
"""


def loaded(source: str, **named: object) -> type[Strategy]:
    written: list[str] = []
    defaults = {"seed": 0, "now_ms": lambda: 0, "write": written.append}
    return load(compile_strategy(source), **{**defaults, **named})  # type: ignore[arg-type]


def test_parameters_are_the_public_class_constants() -> None:
    assert compile_strategy(CROSS).parameters == (
        Parameter("fast", "int", 20),
        Parameter("slow", "int", 50),
        Parameter("risk", "float", -0.5),
        Parameter("name", "str", "cross"),
        Parameter("strict", "bool", True),
    )


def test_the_loaded_class_is_the_one_strategy_of_the_file() -> None:
    found = loaded(CROSS)
    assert found.__name__ == "Cross"
    assert issubclass(found, Strategy)


def test_a_byte_order_mark_is_no_part_of_the_code() -> None:
    assert check("\ufeff" + CROSS).valid


def test_two_loads_share_nothing() -> None:
    compiled = compile_strategy("seen = []\n" + CROSS)
    first, second = (
        load(compiled, seed=0, now_ms=lambda: 0, write=lambda text: None) for _ in range(2)
    )
    assert first is not second


def test_print_goes_to_the_log() -> None:
    written: list[str] = []
    loaded("print('a', 1, sep='-')\n" + CROSS, write=written.append)
    assert written == ["a-1\n"]


def test_every_problem_is_reported_with_its_place_and_a_hint() -> None:
    report = check("import os\n" + CROSS + "        data.to_csv('x')\n")
    assert [(p.line, p.column, p.code) for p in report.problems] == [
        (1, 8, "SP130"),
        (15, 14, "SP111"),
    ]
    assert report.problems[1].source_line == "        data.to_csv('x')"
    assert report.problems[1].end_column == 20
    assert all(problem.hint for problem in report.problems)


def test_a_syntax_error_keeps_its_offset() -> None:
    (problem,) = check("x = (1,\nclass A: pass\n").problems
    assert (problem.line, problem.column, problem.code) == (1, 5, "SP002")


def test_a_file_without_a_strategy_is_refused() -> None:
    (problem,) = check("x = 1\n").problems
    assert problem.message == "no class derives from Strategy"


def test_a_file_with_two_strategies_is_refused() -> None:
    (problem,) = check("class A(Strategy): pass\nclass B(Strategy): pass\n").problems
    assert problem.message == (
        "there must be exactly one strategy class; found A (line 1), B (line 2)"
    )


def test_a_helper_base_is_welcome_and_hands_down_its_parameters() -> None:
    report = check(
        "class Base(Strategy):\n    n = 3\n    def on_data(self, data): pass\n"
        "class S(Base):\n    m = 4\n"
    )
    assert report.class_name == "S"
    assert [parameter.name for parameter in report.parameters] == ["n", "m"]


def test_an_api_name_cannot_be_assigned_to_self() -> None:
    (problem,) = check(CROSS + "        self.buy = 1\n").problems
    assert problem.code == "SP113"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("x = 1\0", "SP003"),
        ("#" * (256 * 1024 + 1), "SP001"),
        ("x = " + "(" * 250 + ")" * 250, "SP002"),
        ("x = " + "-" * 5_000 + "1", "SP004"),
        ("x = '\ud800'", "SP003"),
        (b"x = 1", "SP001"),
        (None, "SP001"),
        ("return 1", "SP002"),
        (f"x = 0x{'f' * 2501}", "SP103"),
    ],
)
def test_hostile_text_is_a_problem_and_never_a_crash(source: str, code: str) -> None:
    assert code in {problem.code for problem in check(source).problems}


def test_an_error_is_told_with_the_line_of_the_users_code() -> None:
    source = CROSS + "        self._counter + data.clsoe\n"
    strategy = object.__new__(loaded(source))
    strategy.initialize()
    with pytest.raises(AttributeError) as caught:
        strategy.on_data(None)  # type: ignore[arg-type]
    message, line = describe_error(caught.value, source)
    assert line == 14
    assert message == (
        "AttributeError: 'Cross' object has no attribute '_counter'; did you mean '_count'?"
    )


def test_a_module_that_replaces_its_class_is_told_so() -> None:
    with pytest.raises(StrategyError, match="not a class that derives"):
        loaded(CROSS + "Cross = 3\n")


def test_rejected_code_names_the_first_problem() -> None:
    with pytest.raises(RejectedCode, match='line 1: module "os" is not available'):
        compile_strategy("import os\n" + CROSS)


def test_dataclasses_work_though_their_module_is_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "strategy", raising=False)
    source = (
        "from dataclasses import dataclass, fields\n"
        "@dataclass\n"
        "class Level:\n"
        "    price: float = 2.0\n"
        "    fields: int = 3\n"
        "print([f.name for f in fields(Level)][0], Level(fields=4).fields)\n"
    )
    written: list[str] = []
    loaded(source + CROSS, write=written.append)
    assert written == ["price 4\n"]


def test_a_guarded_name_can_be_imported_from_its_module() -> None:
    written: list[str] = []
    source = (
        "import pandas as pd\n"
        "from pandas import pivot_table\n"
        "df = pd.DataFrame({'a': [1, 2, 1], 'b': [1, 1, 2], 'v': [1.0, 2.0, 3.0]})\n"
        "print(pivot_table(df, 'v', 'a', aggfunc='sum')['v'].tolist())\n"
        "print(pd.crosstab(df['a'], df['b']).to_numpy().tolist())\n"
    )
    loaded(source + CROSS, write=written.append)
    assert written == ["[4.0, 2.0]\n", "[[1, 1], [1, 0]]\n"]


RESERVED = """\
class Base(Strategy):
    base = 0.5
    style: str = "calm"

class S(Base):
    base = 0.25
    info = {}

    def initialize(self):
        self.info["at first"] = self.base, S.base, type(self).base, getattr(self, "base")
        self.base *= 2

    def on_data(self, data):
        print(self.base, self.style, self.info)
        self.buy(self.base)
"""


@pytest.mark.parametrize(
    ("params", "first", "bought"), [({}, 0.25, 0.5), ({"base": 0.5, "style": "bold"}, 0.5, 1.0)]
)
def test_a_parameter_may_have_a_name_that_libraries_use(
    params: dict[str, float | str], first: float, bought: float
) -> None:
    assert compile_strategy(RESERVED).parameters == (
        Parameter("style", "str", "calm"),
        Parameter("base", "float", 0.25),
    )
    written: list[str] = []
    sink = NullSink()
    run = Run(make_config(params=params), flat_bars([1.0]), NO_FUNDING, sink=sink)
    run.execute(loaded(RESERVED, write=written.append))
    told = {"at first": (first, 0.25, 0.25, first)}
    assert written == [f"{bought} {params.get('style', 'calm')} {told}\n"]
    assert run.orders()["amount"].tolist() == [bought]
