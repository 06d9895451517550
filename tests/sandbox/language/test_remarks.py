"""Likely slips in code that compiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.language.compiler import check

ORDINARY = sorted((Path(__file__).parents[1] / "strategies").glob("*.py"))

# What is right, read in every way that gives a strategy a word of its own.
RIGHT = """
import pandas as pd
class Base(Strategy):
    window = 5
    def helper(self): return self.window
class Mixin:
    def mixed(self): return 1
class S(Mixin, Base):
    limit: float = 2.0
    def initialize(self):
        self.closes, (self.a, self.b) = [], (1, 2)
        self.total: float = 0.0
        setattr(self, "named", 3)
        for self.step in range(3): pass
        self.indicator("sma", lambda c: c, "close")
    def on_data(self, data):
        if hasattr(self, "later"): print(self.later)
        print(self.helper(), self.mixed(), self.named, self.a, self.b, self.step, self.limit)
        print(self.total, self.closes, self.portfolio.cash, self.bars.close[-1], self.indicators)
        print(self.get_cash(), self.symbol, self.timestamp, self.current_price, self.__class__)
        print(self.window, self.on_fill, self.history(3).close.rolling(2).mean())
        self.buy(1); self.log("x"); self.plot("p", 1)
"""


def remarks_of(source: str) -> list[tuple[int, int, str | None]]:
    report = check(source)
    assert report.problems == ()
    return [(item.line, item.column, item.hint) for item in report.remarks]


def method(*lines: str) -> str:
    return "class S(Strategy):\n  def on_data(self, data):\n" + "".join(
        f"    {line}\n" for line in lines
    )


def test_a_word_that_nothing_defines_is_remarked_at_its_place() -> None:
    source = method("self.n = 1", "x = self.bui(self.m)", "y = self.zzzzzz")
    assert remarks_of(source) == [
        (4, 14, "did you mean self.buy?"),
        (4, 23, None),
        (5, 14, None),
    ]
    assert check(source).remarks[0].message == (
        "nothing in this file or in Strategy is called self.bui"
    )


def test_what_is_defined_is_not_remarked() -> None:
    assert remarks_of(RIGHT) == []


@pytest.mark.parametrize(
    "source",
    [
        "for k in ['a']: setattr(S, k, 1)",
        "@deco\nclass T(S): pass",
        "class T(S, make()): pass",
    ],
)
def test_a_file_whose_words_cannot_be_read_is_left_alone(source: str) -> None:
    helpers = "def deco(kind): return kind\ndef make(): return object\n"
    assert remarks_of(helpers + method("self.anything()") + source) == []


def test_another_name_for_self_is_followed() -> None:
    source = "class S(Strategy):\n    def on_data(me, bar):\n        me.sel(1)\n"
    assert remarks_of(source) == [(3, 12, "did you mean self.sell?")]


def test_a_word_of_another_object_is_not_remarked() -> None:
    assert remarks_of(method("data.nothing", "[].nothing")) == []


@pytest.mark.parametrize("path", ORDINARY, ids=lambda path: path.stem)
def test_an_ordinary_strategy_has_no_slip(path: Path) -> None:
    assert remarks_of(path.read_text()) == []
