"""A strategy's code is loaded over libraries in the state in which they started."""

from __future__ import annotations

import weakref
from dataclasses import replace

import numpy as np
import pytest

from engine.bars import NO_FUNDING
from engine.config import BacktestConfig
from engine.run.backtest import Run
from sandbox.child import strategy_code
from sandbox.child.strategy_code import Code
from tests.sandbox.conftest import make_bars

CONFIG = BacktestConfig.from_document(
    {"symbol": "X1", "timeframe": "1m", "start_date": "2023-01-01", "end_date": "2023-01-01"}
)


def test_the_caches_of_the_libraries_are_emptied_between_repetitions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pandas.core.dtypes import cast

    monkeypatch.setattr(strategy_code, "_CACHES", [*strategy_code._CACHES])
    strategy_code.warm()
    assert cast._maybe_promote_cached.cache_clear in strategy_code._CACHES
    cast.maybe_promote(np.dtype("int64"), 1.5)
    assert cast._maybe_promote_cached.cache_info().currsize > 0
    source = "class S(Strategy):\n    def on_data(self, data):\n        pass\n"
    Code(source).load(Run(CONFIG, make_bars(3), NO_FUNDING), print)
    assert cast._maybe_promote_cached.cache_info().currsize == 0


LEAVES = """
LOG = []
KEPT = []


def stay(box):
    try:
        yield 1
    finally:
        LOG.append(1)


class Leaves(Strategy):
    junk = 0

    def on_data(self, data):
        KEPT.append([[n] for n in range(self.junk)])
        for _ in range(100):
            box = []
            box.append(stay(box))
            next(box[0])
        self.buy(0.001 * (1 + len(LOG)))
        self.close_position()
"""


def test_the_collector_begins_to_count_anew_for_each_run() -> None:
    code = Code(LEAVES)
    orders: dict[int, list[bytes]] = {0: [], 5_000: []}
    for junk in (0, 5_000, 0, 0, 5_000, 0):
        run = Run(replace(CONFIG, params={"junk": junk}), make_bars(30), NO_FUNDING)
        run.execute(code.load(run, print))
        orders[junk].append(run.orders().tobytes())
        del run
        assert code.let_go()
    for same in orders.values():
        assert len(set(same)) == 1


def test_nothing_of_a_run_is_alive_when_its_leavings_were_let_go() -> None:
    code = Code(LEAVES)
    run = Run(CONFIG, make_bars(3), NO_FUNDING)
    kind = code.load(run, print)
    run.execute(kind)
    alive = weakref.ref(kind)
    del run, kind
    assert code.let_go()
    assert alive() is None


def test_leavings_that_leave_others_for_ever_are_not_let_go() -> None:
    source = LEAVES.replace("LOG.append(1)", "again()") + (
        "def again():\n    box = []\n    box.append(stay(box))\n    next(box[0])\n"
    )
    code = Code(source)
    run = Run(CONFIG, make_bars(1), NO_FUNDING)
    run.execute(code.load(run, print))
    del run
    assert not code.let_go()


def test_arrays_that_classes_of_numpy_share_cannot_be_written() -> None:
    code = Code(
        "from numpy.polynomial import Polynomial\nclass S(Strategy):\n"
        "    def initialize(self):\n        Polynomial.domain[:] = 7\n"
        "    def on_data(self, data):\n        pass\n"
    )
    strategy_code.warm()
    run = Run(CONFIG, make_bars(1), NO_FUNDING)
    with pytest.raises(ValueError, match="read-only"):
        run.execute(code.load(run, print))
