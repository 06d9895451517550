"""What one parameter set leaves behind must not reach the next: each set is as a run of its own.

Every attack is a strategy that changes something where its parameter `leave` is set and trades by
what it finds. Its sets run in one child, leaving and looking in turns; each is compared with a
single run, of which the orders, the trades and the error must be the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from sandbox.client import Sandbox
from sandbox.job import Job, RunError, Verdict
from sandbox.sets import SetResult

Make = Callable[..., Job]

# Name -> statements of the module, of `leave()`, and what `look()` returns, a number.
ATTACKS: dict[str, tuple[str, str, str]] = {
    "a global of its module": ("SEEN = []", "SEEN.append(1)", "len(SEEN)"),
    "an attribute of its class": ("", "Tried.mark = 7", "getattr(Tried, 'mark', 0)"),
    "an attribute of Strategy": ("", "Strategy.mark = 7", "getattr(Strategy, 'mark', 0)"),
    "a method of Strategy": ("", "Strategy.on_finish = len", "1"),
    "an attribute of a library": ("import numpy as np", "np.mark = 7", "getattr(np, 'mark', 0)"),
    "a function of a library": ("import numpy as np", "np.mean = len", "float(np.mean([1, 4]))"),
    "a class of pandas": (
        "import pandas as pd",
        "pd.DataFrame.mark = 7",
        "getattr(pd.DataFrame, 'mark', 0)",
    ),
    "how numpy takes errors": (
        "import numpy as np",
        "np.seterr(all='raise')",
        "len(np.geterr()['divide'])",
    ),
    "an errstate that is never left": (
        "import numpy as np\nKEPT = []\ndef stay():\n"
        "    with np.errstate(all='raise'):\n        yield 1\n",
        "g = stay(); next(g); KEPT.append(g)",
        "len(np.geterr()['divide'])",
    ),
    "a generator that is finished by the collector": (
        "import numpy as np\ndef stay(box):\n    try:\n        yield 1\n    finally:\n"
        "        np.seterr(all='raise')\n",
        "box = []; g = stay(box); box.append(g); next(g)",
        "len(np.geterr()['divide'])",
    ),
    "a generator that goes on in the next set": (
        "import random\ndef stay(box, me):\n    try:\n        yield 1\n    finally:\n"
        "        me.buy(5)\n        random.seed(3)\n",
        "box = []; g = stay(box, self); box.append(g); next(g)",
        "random.random()",
    ),
    "the decimal context": (
        "from decimal import Decimal, getcontext",
        "getcontext().prec = 2",
        "float(Decimal(1) / Decimal(3))",
    ),
    "a decimal context that is never left": (
        "from decimal import Decimal, localcontext\nKEPT = []\ndef stay():\n"
        "    with localcontext() as c:\n        c.prec = 2\n        yield 1\n",
        "g = stay(); next(g); KEPT.append(g)",
        "float(Decimal(1) / Decimal(3))",
    ),
    "random numbers drawn": ("import random", "random.seed(5)", "random.random()"),
    "a normal number kept for the next draw": (
        "import random",
        "random.gauss(0, 1)",
        "abs(random.gauss(0, 1))",
    ),
    "numpy's random numbers": (
        "import numpy as np",
        "np.random.seed(5)",
        "float(np.random.random())",
    ),
    "a generator without a seed": (
        "import numpy as np",
        "np.random.default_rng()",
        "float(np.random.default_rng().random())",
    ),
    "the generators of pandas and statistics": (
        "import pandas as pd\nfrom statistics import NormalDist",
        "pd.Series(range(99)).sample(5); NormalDist().samples(3)",
        "float(pd.Series(range(99)).sample(1).iloc[0]) + abs(NormalDist().samples(1)[0])",
    ),
    "options of pandas": (
        "import pandas as pd",
        "pd.set_option('display.precision', 1)",
        "len(str(pd.Series([1 / 3])))",
    ),
    "how numpy prints": (
        "import numpy as np",
        "np.set_printoptions(precision=1)",
        "len(str(np.array([1 / 3])))",
    ),
    "an array of a class of numpy": (
        "from numpy.polynomial import Polynomial",
        "Polynomial.domain[:] = 7",
        "float(Polynomial([1.0, 2.0]).domain.sum() + 9)",
    ),
    "an array of a class of numpy, by out": (
        "import numpy as np\nfrom numpy.polynomial import Chebyshev",
        "np.add(Chebyshev.window, 4, out=Chebyshev.window)",
        "float(Chebyshev.window.sum() + 9)",
    ),
    "lists of talib": (
        "import talib",
        "talib.get_function_groups()['Cycle Indicators'].clear(); talib.get_functions().clear()",
        "len(talib.get_function_groups()['Cycle Indicators']) + len(talib.get_functions())",
    ),
    "parameters of talib.abstract": (
        "import numpy as np\nfrom talib import abstract",
        "abstract.SMA.set_parameters(timeperiod=2)",
        "float(abstract.SMA(np.arange(50.0))[-1])",
    ),
    "a cache of its own": (
        "from functools import lru_cache\nLOG = []\n"
        "@lru_cache(None)\ndef f(x):\n    return len(LOG)",
        "LOG.append(1); f(1)",
        "f(1)",
    ),
    "a key that compares as it likes, in the cache of typing": (
        "from typing import Optional\nHITS = []\nclass Key:\n    def __hash__(self):\n"
        "        return 1\n    def __eq__(self, other):\n        HITS.append(1)\n"
        "        return True\n"
        "    def __call__(self):\n        pass",
        "Optional[Key()]",
        "1 + len(HITS) + (0 * len(str(Optional[Key()])))",
    ),
    "the level of a logger": (
        "import logging",
        "logging.getLogger('x').setLevel(50); logging.disable()",
        "1 + logging.getLogger('x').getEffectiveLevel()",
    ),
    "filters of warnings": (
        "import warnings\nimport numpy as np",
        "warnings.simplefilter('error')",
        "1 + int(np.isnan(np.log(np.array([-1.0])))[0])",
    ),
    "an exception with all its frames": (
        "KEPT = []\ndef fail():\n    big = [0] * 1000\n    raise KeyError(big)",
        "\n        try:\n            fail()\n"
        "        except KeyError as e:\n            KEPT.append(e)",
        "1 + len(KEPT)",
    ),
    "a finally that leaves another, for ever": (
        "import numpy as np\ndef stay(box):\n    try:\n        yield 1\n    finally:\n"
        "        np.seterr(all='raise')\n        again()\ndef again():\n    box = []\n"
        "    g = stay(box)\n    box.append(g)\n    next(g)\n",
        "again()",
        "len(np.geterr()['divide'])",
    ),
    "how deep it may go": (
        "def depth(n):\n    try:\n        return depth(n + 1)\n    except RecursionError:\n"
        "        return n",
        "depth(0)",
        "depth(0)",
    ),
    "the order of its objects in a set": (
        "class P:\n    def __init__(self, n):\n        self.n = n",
        "self.junk = [P(n) for n in range(5000)]",
        "1 + [p.n for p in {P(n) for n in range(50)}].index(7)",
    ),
    "the clock of the set before": (
        "import time\nimport pandas as pd",
        "self.t = time.time()",
        "1 + time.time() % 1000 + pd.Timestamp.now().minute",
    ),
    "an enum and what it misses": (
        "from enum import Enum\nclass Side(Enum):\n    UP = 1",
        "Side.mark = 7",
        "1 + getattr(Side, 'mark', 0)",
    ),
    "its indicator's input": (
        "import numpy as np\ndef spoil(x):\n    x[:] = 1.0\n    return x",
        "self.indicator('x', spoil, 'close')",
        "float(self.bars.close[-1]) if len(self.bars) else 1",
    ),
    "the columns that it is shown": (
        "import numpy as np",
        "self.spoil = True",
        "float(np.sum(self.bars.close[-3:])) if len(self.bars) > 3 else 1",
    ),
}
SOURCE = """{module}

class Tried(Strategy):
    leaves = 0

    def initialize(self):
        if self.leaves == 1:
            self.leave()
        self.found = float(self.look())

    def leave(self):
        {leave}

    def look(self):
        return {look}

    def on_data(self, data):
        if data.close > 0 and self.get_position_size() == 0:
            self.buy(0.001 * (1.0 + self.found % 1000))
        else:
            self.close_position()
        if self.leaves == 2:
            self.leave()
        self.found = float(self.look())
        if self.leaves == 3:
            1 / 0
"""
TURNS = [0, 1, 0, 2, 0, 3, 1, 0, 2, 3, 0]


def told(error: RunError | None) -> tuple[object, ...] | None:
    return None if error is None else (error.kind, error.message, error.line, error.timestamp)


def orders_of(result: SetResult) -> bytes:
    return b"" if result.results is None else result.results.ledger.orders.tobytes()


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_that_a_set_leaves_reaches_another(
    sandbox: Sandbox, make_job: Make, name: str
) -> None:
    module, leave, look = ATTACKS[name]
    job = make_job(SOURCE.format(module=module, leave=leave, look=look), count=40, seed=3)
    alone: dict[int, Verdict] = {}
    for turn in range(4):
        single = replace(job, config=replace(job.config, params={"leaves": turn}))
        alone[turn] = sandbox.run(single)
    assert any(verdict.status == "completed" for verdict in alone.values()), alone[0].error
    results: list[SetResult] = []
    outcome = sandbox.run_sets(job, [{"leaves": turn} for turn in TURNS], on_set=results.append)
    assert (outcome.status, outcome.error) == ("completed", None)
    for turn, result in zip(TURNS, results, strict=True):
        verdict = alone[turn]
        assert (result.status, told(result.error)) == (verdict.status, told(verdict.error))
        assert orders_of(result) == verdict.orders.tobytes()
