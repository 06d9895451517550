"""Long chains compile as long as they do in Python's reach; what is too long is told where."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from sandbox.language.compiler import check, compile_strategy
from sandbox.language.nesting import MAX_DEPTH, MAX_LINKS
from sandbox.runtime.loader import load

HEAD = "class S(Strategy):\n    def on_data(self, d):\n"


def elifs(count: int) -> str:
    """An `if` with `count` branches behind it, which begins in line 3."""
    branches = "".join(f"        elif d == {n}: k = {n}\n" for n in range(1, count + 1))
    return f"        if d == 0: k = 0\n{branches}        return k\n"


def total(count: int) -> str:
    """A sum with `count` plus signs."""
    return "        return " + " + ".join(f"{n} * d" for n in range(count + 1)) + "\n"


def choices(count: int) -> str:
    return "        return " + "".join(f"{n} if d == {n} else " for n in range(count)) + "-1\n"


def calls(count: int) -> str:
    return "        return d" + ".real" * count + "\n"


@pytest.mark.parametrize(
    ("chain", "argument", "value"),
    [(elifs, 999, 999), (total, 2, 2 * 1000 * 1001 // 2), (choices, 998, 998), (calls, 5, 5)],
)
def test_a_chain_of_a_thousand_links_means_what_it_says(
    chain: Callable[[int], str], argument: int, value: int
) -> None:
    before = sys.getrecursionlimit()
    compiled = compile_strategy(HEAD + chain(MAX_LINKS - 1 if chain is choices else MAX_LINKS))
    made = load(compiled, seed=0, now_ms=lambda: 0, write=print)
    assert made.on_data(None, argument) == value  # type: ignore[arg-type,func-returns-value]
    assert sys.getrecursionlimit() == before


@pytest.mark.parametrize(
    ("chain", "words"),
    [(elifs, "elif"), (total, "operators"), (choices, "if ... else in one expression"),
     (calls, "calls")],
)  # fmt: skip
def test_one_link_more_is_told_with_its_line(chain: Callable[[int], str], words: str) -> None:
    (problem,) = check("x = 1\n" + HEAD + chain(MAX_LINKS + 2)).problems
    assert (problem.code, problem.line) == ("SP004", 4)
    assert problem.message == f"a chain of {words} is too long (at most 1,000 links)"
    assert problem.hint == "use a dict, a list or a loop"


def test_levels_are_counted_apart_from_links() -> None:
    (problem,) = check(HEAD + "        x = 1\n        return " + "-" * MAX_DEPTH + "1\n").problems
    assert (problem.code, problem.line) == ("SP004", 4)
    assert problem.message == "the code is nested too deeply (at most 120 levels)"


def test_chains_inside_of_chains_come_to_an_end() -> None:
    deep = "d"
    for _ in range(20):
        deep = f"({deep}{' + 1' * 100})"
    (problem,) = check(HEAD + f"        return {deep}\n").problems
    assert (problem.code, problem.line) == ("SP004", 3)


def test_what_the_parser_gives_up_on_is_told_too() -> None:
    (problem,) = check(HEAD + total(20_000)).problems
    assert problem.code == "SP004"
    assert "too deeply, or a chain in it is too long" in problem.message
