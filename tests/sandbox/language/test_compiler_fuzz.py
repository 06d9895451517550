"""Noise into the compiler: the only ways out are RejectedCode and code that the verifier passes.

Three kinds of noise, each from a fixed seed: soups of tokens, strategies and attacks with tokens
changed, and valid programs whose names were swapped for ones that must not get through. The last
asks whether the policy and the verifier agree: where the verifier has to refuse, the policy
has let something slip.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.job import Problem
from sandbox.language.compiler import Compiled, RejectedCode, compile_strategy
from sandbox.language.names import DENIED, GUARDED, HOOKS, INTERNALS, METHOD_DUNDERS
from sandbox.language.verifier import violations
from tests.sandbox.language.attacks import BODY, TOP

STRATEGIES = Path(__file__).parents[1] / "strategies"
NASTY = sorted(
    {"__class__", "__globals__", "__builtins__", "__init__", "__name__", "_x", "__x", "_", "x",
     "__getattr__", "__exit__", "_user_x", "self", "data", "type", "eval", "Exception", "print",
     "BaseException", "os", "np", "on_data", "buy", "Strategy", "format", "naïve", "ﬁeld"}
    | set(HOOKS) | set(random.Random(1).sample(sorted(DENIED | GUARDED | INTERNALS), 40))
    | set(random.Random(2).sample(sorted(METHOD_DUNDERS), 8))
)  # fmt: skip
WORDS = [
    *NASTY, "def", "class", "return", "yield", "lambda", "async", "await", "match", "case", "with",
    "try", "except", "except*", "finally", "raise", "from", "import", "as", "global", "nonlocal",
    "for", "while", "if", "else", "in", "is", "not", "del", "pass", "break", ":=", "->", "**", "*",
    "//=", "@", "(", ")", "[", "]", "{", "}", ":", ";", ",", ".", "=", "==", "...", "1", "1e999",
    "0x1F", "'a'", 'f"{x.__class__}"', "f'{x!r:>{y}}'", "b'\\x00'", '"""', "'", "\\", "\n",
    "\n    ", "\n\t", "\x00", "\x0c", "\ufeff", "\ud800", "٣", "#", "9" * 5000, "-", "~", "$", "?",
]  # fmt: skip
HEAD = "class S(Strategy):\n    def on_data(self, data):\n        pass\n"


def soups(chance: random.Random) -> Iterator[str]:
    while True:
        soup = "".join(
            chance.choice(WORDS) + chance.choice(("", " ", " "))
            for _ in range(chance.randint(1, 25))
        )
        yield HEAD + soup if chance.random() < 0.5 else soup


def mutants(chance: random.Random) -> Iterator[str]:
    """Attacks and pieces of strategies with a few tokens changed, swapped or dropped."""
    texts = [HEAD + code for code in (*BODY.values(), *TOP.values())]
    texts += [path.read_text() for path in STRATEGIES.glob("*.py") if path.stat().st_size < 900]
    pieces = [re.findall(r"\w+|\s+|[^\w\s]", text) for text in texts]
    while True:
        tokens = list(chance.choice(pieces))
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(tokens))
            match chance.randrange(4):
                case 0:
                    tokens[place] = chance.choice(WORDS)
                case 1:
                    del tokens[place]
                case 2:
                    tokens.insert(place, tokens[chance.randrange(len(tokens))])
                case _:
                    other = chance.randrange(len(tokens))
                    tokens[place], tokens[other] = tokens[other], tokens[place]
            tokens = tokens or ["x"]
        yield "".join(tokens)


def renamed(chance: random.Random) -> Iterator[str]:
    """Valid programs in which names, attributes, parameters and keywords became nasty ones."""
    trees = [SHAPES, *(HEAD + code for code in (*BODY.values(), *TOP.values()))]
    texts = [text for text in trees if _parses(text)]
    while True:
        text = SHAPES if chance.random() < 0.3 else chance.choice(texts)
        tree = ast.parse(text)
        places = [
            (node, field)
            for node in ast.walk(tree)
            for field in ("id", "attr", "arg", "name", "asname", "rest", "names", "kwd_attrs")
            if getattr(node, field, None)
        ]
        for _ in range(chance.randint(1, 3)):
            node, field = chance.choice(places)
            value = getattr(node, field)
            if isinstance(value, str):
                setattr(node, field, chance.choice(NASTY))
            elif value and isinstance(value[0], str):
                setattr(node, field, [chance.choice(NASTY) for _ in value])
        yield ast.unparse(tree)


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


# Every way to bind and to read a name.
SHAPES = """
import math as m, statistics
from math import sqrt as s, pi
from dataclasses import dataclass
counter = 0
def free(a, /, b, *c, d=1, **e):
    global counter
    counter += 1
    def inner():
        nonlocal b
        b = a
        return b
    return inner() + d, c, e
@dataclass
class P:
    base: int = 1
    view = property(lambda self: self.base)
class S(Strategy):
    fast = 3
    _slow: int = 4
    def __init__(self):
        super().__init__()
        self.x = self._y = []
    @staticmethod
    def helper(row): row.kind = 1
    def on_data(self, data):
        close = data["close"]
        self.x.append(close)
        for i, (j, *k) in enumerate([(1, 2)]):
            self.total = i
        with self.room() as self.opened, self.room() as (u, v):
            pass
        try:
            del self.x[0], self.total
        except (ValueError, KeyError) as problem:
            raise TypeError(problem.args) from problem
        match data:
            case P(base=b, view=w) if b: pass
            case {"k": z, **others}: pass
            case [first, *rest] | (first as rest): pass
            case S(): pass
        if (n := len(self.x)) > 2:
            free(1, b=n, d=2, **{"q": 1})
        self.x.text = f"{n!r:>{close}} {self.fast}"
        key = lambda t, *, u=1: t.value
        return [q.name for q in self.x if q.ok], {w: w.data for w in []}, type(self).__name__
"""


@pytest.mark.parametrize(
    ("noise", "seed", "count"),
    [(soups, 1, 12_000), (mutants, 2, 7_000), (renamed, 3, 3_000)],
    ids=["soups", "mutants", "renamed"],
)
def test_noise_is_rejected_or_compiles_to_verified_code(
    noise: Callable[[random.Random], Iterator[str]], seed: int, count: int
) -> None:
    cases = noise(random.Random(seed))
    compiled = 0
    for _ in range(count):
        source = next(cases)
        found = outcome(source)
        if isinstance(found, Compiled):
            assert violations(found.code) == [], source
            compiled += 1
        else:
            assert found, source
            assert not {problem.code for problem in found} & {"SP900", "SP901"}, (source, found)
            assert all(problem.line >= 1 and problem.column >= 1 for problem in found)
    assert compiled > 100, "noise that never compiles tests the parser alone"


def outcome(source: str) -> Compiled | tuple[Problem, ...]:
    try:
        return compile_strategy(source)
    except RejectedCode as error:
        return error.problems
