"""Ordinary constructs mean what they mean in Python; what is refused is refused with a hint."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sandbox.language.compiler import check, compile_strategy
from sandbox.runtime.loader import load
from tests.sandbox.language.attacks import read_table
from tests.sandbox.language.room import plainly

CONSTRUCTS = read_table(Path(__file__).parent / "constructs.txt")

STRATEGY = "class S(Strategy):\n    def on_data(self, data): pass\n"
PREAMBLE = f"from __future__ import annotations\n{STRATEGY}data = 0\ndef probe():\n"


def source_of(body: str) -> str:
    return PREAMBLE + "\n".join("    " + line for line in body.splitlines()) + "\n"


def probe(body: str, make: Any) -> Any:
    """What the body returns: the module prints it, so that plain values cross in one way."""
    written: list[str] = []
    make(source_of(body) + "print(repr(probe()))\n", written.append, lambda: 0)
    return "".join(written).strip()


def ours(source: str, write: Any, now_ms: Any) -> Any:
    return load(compile_strategy(source), seed=0, now_ms=now_ms, write=write)


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_a_construct_means_what_it_means_in_python(name: str) -> None:
    assert probe(CONSTRUCTS[name], ours) == probe(CONSTRUCTS[name], plainly)


# Code -> the problem's code; every one of them comes with a hint.
REFUSED = {
    "async def f(): pass": "SP100",
    "try:\n  pass\nexcept* ValueError:\n  pass": "SP100",
    "class A(metaclass=type): pass": "SP141",
    "from math import *": "SP131",
    "from math import sqroot": "SP132",
    "import numpy as np\nnp.sqroot(1)": "SP132",
    "import numpy as np\nnp.load('x')": "SP111",
    "import requests": "SP130",
    "x = (1).__dict__": "SP110",
    "def f(x): return x.gi_frame": "SP110",
    "def f(df): return df.query('a > 1')": "SP111",
    "class A:\n  def __getattr__(self, n): pass": "SP140",
    "open('x')": "SP120",
    "exec('x')": "SP120",
    "try:\n  pass\nexcept BaseException:\n  pass": "SP120",
    "def f():\n  try:\n    pass\n  finally:\n    return 1": "SP150",
    "class A:\n  __match_args__ = ('x',)": "SP102",
    "class A(metaclass=Own): pass": "SP141",
    "try:\n  import scipy\nexcept KeyError:\n  pass": "SP130",
    "try:\n  pass\nexcept ImportError:\n  import scipy": "SP130",
    "naïve = 1": "SP101",
    "import numpy as np\nnp.datetime64('now')": "SP114",
    "class T(Strategy):\n  def buy(self): pass\n  def on_data(s, d): 1\nclass S(T): pass": "SP142",
    "match 1:\n  case str(format=f): pass": "SP112",
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_is_refused_is_refused_with_a_hint(code: str) -> None:
    report = check(
        code
        + ("" if "Strategy" in code else "\nclass S(Strategy):\n  def on_data(self, data): pass\n")
    )
    (problem,) = report.problems
    assert problem.code == REFUSED[code]
    assert problem.hint
    assert problem.source_line in code.split("\n")


def test_a_run_is_repeatable_with_every_source_of_chance() -> None:
    source = source_of(
        "import random, numpy as np, pandas as pd, statistics\n"
        "return (random.random(), random.Random().random(), np.random.rand(), "
        "np.random.default_rng().random(), np.random.RandomState().rand(), "
        "pd.Series(range(9)).sample(3).tolist(), statistics.NormalDist().samples(2))"
    )
    written: list[str] = []
    for seed in (1, 1, 2):
        code = compile_strategy(source + "print(probe())\n")
        load(code, seed=seed, now_ms=lambda: 0, write=written.append)
    assert written[0] == written[1] != written[2]


def test_generators_without_a_seed_differ_within_a_run_and_not_between_runs() -> None:
    """A strategy that makes one on every bar must not see the same number on every bar."""
    source = source_of(
        "import random, numpy as np\n"
        "makers = [np.random.default_rng, np.random.RandomState, random.Random]\n"
        "return [[make().normal() if k < 2 else make().random() for _ in range(3)] "
        "for k, make in enumerate(makers)]"
    )
    written: list[str] = []
    for _ in range(2):
        code = compile_strategy(source + "print(probe())\n")
        load(code, seed=5, now_ms=lambda: 0, write=written.append)
    assert written[0] == written[1]
    drawn = ast.literal_eval(written[0])
    assert [len(set(numbers)) for numbers in drawn] == [3, 3, 3]
    assert drawn[0][0] == np.random.default_rng(5).normal()


def test_the_clock_shows_the_bar() -> None:
    source = source_of(
        "import time, pandas as pd\nfrom datetime import datetime, date, timezone\n"
        "return [datetime.now(), datetime.utcnow(), date.today(), time.time(), pd.Timestamp.now(), "
        "pd.Timestamp('now'), datetime.now(timezone.utc), time.strftime('%Y')]"
    )
    written: list[str] = []
    code = compile_strategy(source + "print(*probe(), sep='|')\n")
    load(code, seed=0, now_ms=lambda: 1_704_067_200_000, write=written.append)
    day = "2024-01-01 00:00:00"
    assert written[0].strip() == (
        f"{day}|{day}|2024-01-01|1704067200.0|{day}|{day}|{day}+00:00|2024"
    )


def test_arrays_handed_out_are_numpys_own() -> None:
    cls = ours(f"import numpy as np\n{STRATEGY}    a = np.zeros(2)\n", print, lambda: 0)
    assert type(cls.a) is np.ndarray  # type: ignore[attr-defined]
    assert pd.Timestamp(0).year == 1970
