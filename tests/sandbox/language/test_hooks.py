"""A hook that can never run is a problem with its line; one that may run is none."""

from __future__ import annotations

import pytest

from sandbox.language.compiler import check

WRITE = "write: def on_data(self, data):"
ITSELF = "on_data must take itself"
ON_DATA = "    def on_data(self, data): pass\n"


def problem_of(source: str) -> tuple[int, str, str | None]:
    (problem,) = check(source).problems
    assert problem.code == "SP162"
    return problem.line, problem.message, problem.hint


@pytest.mark.parametrize(
    ("body", "line", "message", "hint"),
    [
        ("    def On_Data(self, data): pass\n", 2, "S has no method on_data", "rename On_Data"),
        ("    def onData(self, data): pass\n", 2, "S has no method on_data", "rename onData"),
        ("    def init(self): pass\n    def next(self): pass\n", 3, "no method", "rename next"),
        ("    def go(self): pass\n", 1, "S has no method on_data", WRITE),
        ("    on_data = None\n", 2, "on_data is no function", WRITE),
        ("    def on_data(self): pass\n", 2, ITSELF, WRITE),
        ("    def on_data(data): pass\n", 2, ITSELF, WRITE),
        ("    def on_data(self, a, b): pass\n", 2, "and the bar, and no more", "(self, data)"),
        ("    def on_data(self, *, data): pass\n", 2, "on_data must take", "(self, data)"),
        ("    def on_data(self, d, *, k): pass\n", 2, "on_data must take", "(self, data)"),
        ("    @staticmethod\n    def on_data(a, b): pass\n", 3, "must take", "(self, data)"),
        ("    on_data = lambda self: 0\n", 2, "on_data must take", "(self, data)"),
        ("    def step(self): pass\n    on_data = step\n", 2, "on_data must take", "(self, data)"),
        ("    def on_data(self, d):\n        d.x\n        yield\n", 4, "contains yield", "yield"),
        ("    def on_data(self, d):\n        yield from []\n", 3, "would never run", "yield"),
        ("    def initialize(self): yield\n" + ON_DATA, 2, "initialize contains yield", "yield"),
        ("    def initialize(self, config): pass\n" + ON_DATA, 2, "initialize must", "(self):"),
        ("    def initialize(): pass\n" + ON_DATA, 2, "initialize must take itself", "(self):"),
        ("    def __init__(self, n): pass\n" + ON_DATA, 2, "__init__ must take", "__init__(self):"),
        ("    def on_fill(self): pass\n" + ON_DATA, 2, "on_fill must take", "(self, trade):"),
        ("    def on_finish(self, x): pass\n" + ON_DATA, 2, "on_finish must", "(self):"),
        ("    def Initialize(self): pass\n" + ON_DATA, 2, "would never be called", "initialize"),
    ],
)  # fmt: skip
def test_a_hook_that_cannot_run_is_a_problem(body: str, line: int, message: str, hint: str) -> None:
    at, said, told = problem_of("class S(Strategy):\n" + body)
    assert at == line
    assert message in said
    assert hint in str(told)


def test_an_async_hook_is_refused_once() -> None:
    (problem,) = check("class S(Strategy):\n    async def on_data(self, data): pass\n").problems
    assert (problem.line, problem.code) == (2, "SP100")


def test_the_hook_of_a_helper_base_counts_until_it_is_overridden() -> None:
    base = "class Base(Strategy):\n" + ON_DATA
    assert check(base + "class S(Base): pass\n").valid
    assert problem_of(base + "class S(Base):\n    def on_data(self): pass\n")[0] == 4
    assert check("class M:\n" + ON_DATA + "class S(M, Strategy): pass\n").valid


def test_an_abstract_hook_is_none() -> None:
    source = "from abc import abstractmethod\nclass B(Strategy):\n    @abstractmethod\n" + ON_DATA
    assert problem_of(source + "class S(B): pass\n")[0] == 5


@pytest.mark.parametrize(
    "body",
    [
        "    def on_data(self, data, extra=None): pass\n",
        "    def on_data(self, *bars): pass\n",
        "    def on_data(self, /, data, **more): pass\n",
        "    def on_data(*everything): pass\n",
        "    def on_data(self, d=None, *, k=1): pass\n",
        "    @staticmethod\n    def on_data(data): pass\n",
        "    @classmethod\n    def on_data(cls, data): pass\n",
        "    on_data = lambda self, data: None\n",
        "    def step(self, data): pass\n    on_data = step\n",
        "    def initialize(self): self.on_data = self.go\n    def go(self, data): pass\n",
        "    if 1:\n        def on_data(s): pass\n    else:\n        def on_data(s, d): pass\n",
        "    def on_data(self, data):\n        def inner(): yield 1\n        list(inner())\n",
        "    def on_data(self, data): return [(yield_ := 1) for _ in ()]\n",
        "    def __init__(self, n=1): pass\n" + ON_DATA,
        "    def Initialize(self): pass\n    def initialize(self): self.Initialize()\n" + ON_DATA,
    ],
)  # fmt: skip
def test_a_hook_that_may_run_is_no_problem(body: str) -> None:
    assert check("class S(Strategy):\n" + body).problems == ()


def test_a_decorator_may_make_anything_of_a_hook() -> None:
    source = (
        "def run(f):\n    return lambda self, data: list(f(self))\nclass S(Strategy):\n    @run\n"
    )
    assert check(source + "    def on_data(self):\n        yield 1\n").valid
