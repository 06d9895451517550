"""Runs repeated without their future: honest ones pass both checks, none that looks ahead does."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.bars import Bars, Funding
from engine.config import BacktestConfig
from engine.run.handover import hand_in
from sandbox.client import Sandbox
from sandbox.job import Job, Limits, Lookahead, Verdict
from sandbox.outside import rechecks
from tests.benchmarks.measure import descendants
from tests.sandbox.conftest import SMALL, server_of

ROOT = Path(__file__).resolve().parents[3]
STRATEGIES = sorted((Path(__file__).parents[1] / "strategies").glob("*.py"))
EXAMPLES = sorted(path for path in (ROOT / "server/examples").glob("[!_]*.py"))
Make = Callable[..., Job]

# Buys where the next bar rises by more than `least`, known from what an indicator's function kept;
# elsewhere it calls what must be rejected, so that there are calls at every bar.
SPARSE = """
class Sparse(Strategy):
    least = 0.0025

    def initialize(self):
        kept = {}

        def keep(close):
            if len(close) > len(kept.get("close", ())):
                kept["close"] = close
            return close

        self.indicator("price", keep, "close")
        close = kept["close"]
        self.plan = {}
        for i in range(len(close) - 1):
            move = close[i + 1] / close[i] - 1
            if abs(move) > self.least:
                self.plan[i] = 100.0 if move > 0 else -100.0
        self.n = -1

    def on_data(self, data):
        self.n += 1
        if self.n in self.plan:
            self.target_percent(self.plan[self.n], leverage=5.0)
        elif self.n - 1 in self.plan:
            self.close_position()
        else:
            self.buy(1000000.0)
"""
# As it, but of a future that is not the real one it makes an end that is none.
DAWDLING = SPARSE.replace(
    "        self.n += 1\n",
    "        self.n += 1\n        while abs(self.last - LAST) > 1e-9:\n            pass\n",
).replace("        self.plan = {}\n", "        self.plan = {}\n        self.last = close[-1]\n")
# Tells the bars of an indicator's function from one run to the next by whatever outlives a run.
SMUGGLING = """
import decimal
import typing
import numpy as np
import talib

class Key:
    def __init__(self):
        self.box = []

    def __call__(self):
        pass

    def __hash__(self):
        return 42

    def __eq__(self, other):
        if hasattr(other, "box"):
            self.box.append(other)
            other.box.append(self)
        return hasattr(other, "box")

class Smuggling(Strategy):
    kept = ""

    def initialize(self):
        seen = {}
        key = Key()
        typing.List[key]
        groups = talib.get_function_groups()
        first = groups[sorted(groups)[0]]

        def keep(close):
            seen["close"] = close
            return close

        self.indicator("price", keep, "close")
        close = seen["close"]
        known = decimal.getcontext().prec == 28 and np.geterr()["over"] == "warn"
        fresh = Smuggling.kept == "" and known and not key.box and "used" not in first
        first.append("used")
        Smuggling.kept = "used"
        decimal.getcontext().prec = 5
        np.seterr(over="ignore")
        if not fresh:
            raise ValueError("another run was here before")
        self.next = [close[i + 1] for i in range(len(close) - 1)] + [0.0]
        self.n = -1

    def on_data(self, data):
        self.n += 1
        if self.next[self.n] > data.close and self.get_position_size() == 0:
            self.buy(0.001 * self.next[self.n])
        elif self.next[self.n] < data.close:
            self.close_position()
"""
# A look-ahead of one bar in an indicator whose function remembers what it said. The amounts are the
# next closes, so that no invented future is right by chance.
ONE_BAR = """
import numpy as np

class OneBar(Strategy):
    def initialize(self):
        said = []

        def following(close):
            values = np.append(close[1:], 1.0)
            values[: len(said)] = said
            said[:] = list(values)
            return values

        self.indicator("next", following, "close")

    def on_data(self, data):
        following = self.indicators["next"][-1]
        if following > data.close and self.get_position_size() == 0:
            self.buy(0.001 * following)
        elif following < data.close:
            self.close_position()
"""
# Uses all that a run can be told.
EVERYTHING = """
class Everything(Strategy):
    window = 5

    def initialize(self):
        for n in (self.window, 12):
            self.indicator(f"mean{n}", lambda close: running(close, n), "close")
        self.indicator("pair", lambda mean: (mean, -mean), "mean5")
        self.indicator("day", lambda times: times % 86_400_000, "timestamp_ms")
        self.wait_for_indicators()
        self.fills = 0

    def on_data(self, data):
        if self.get_funding_rate() < 0 and self.indicators["day"][-1] % 7 == 0:
            self.close_position()
        history = self.history(4)
        self.plot("close", data.close)
        self.log(f"{data.timestamp} {len(self.bars)} {self.portfolio.cash}")
        calm = history["close"].std() < 1e9 and len(self.portfolio.portfolio_history) < 1e9
        pair = self.indicators["pair"][1][-1]
        if calm and -pair < data.close and self.get_position_size() <= 0:
            self.close_position()
            self.buy(0.1, stop_loss=data.close * 0.99)
        elif data.close < self.bars.low[-3:].mean() and self.get_position_size() > 0:
            self.set_trailing_stop(data.close * 0.01)
            self.sell(0.05, limit=data.close * 1.002)
        if len(self.bars.close) % 50 == 0 and self.portfolio.trades:
            self.cancel_orders()

    def on_fill(self, trade):
        self.fills += 1
        if self.fills % 7 == 0 and trade["position_type"] == "long":
            self.set_take_profit(trade["price"] * 1.01)

    def on_finish(self):
        self.log(f"{self.fills} fills, {len(self.portfolio.portfolio_history)} bars")


def running(values, n):
    total, means = 0.0, []
    for i, value in enumerate(values):
        total += value - (values[i - n] if i >= n else 0.0)
        means.append(total / min(i + 1, n))
    return means
"""


def checked(sandbox: Sandbox, job: Job) -> tuple[Verdict, Lookahead]:
    verdict = sandbox.run(job)
    assert verdict.status == "completed", verdict.error
    return verdict, sandbox.check_lookahead(job, verdict.orders, run_cpu_s=verdict.cpu_s)


def futures(make_job: Make, source: str, mode: str, **fields: Any) -> Job:
    fields = {"trading_mode": "futures", "max_leverage": 5.0, **fields}
    return make_job(source, lookahead_check=mode, **fields)


def corpus_job(path: Path, bars: Bars) -> Job:
    source = path.read_text()
    document: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "timeframe": "1h",
        "start_date": "2024-01-01",
        "end_date": "2024-01-28",
        "initial_capital": 100.0 if path in STRATEGIES else 10_000.0,
        "lookahead_check": "full",
    }
    if "# mode: futures" in source or path in EXAMPLES:
        document |= {"trading_mode": "futures", "max_leverage": 50.0}
    return Job("job", source, BacktestConfig.from_document(document), bars, limits=SMALL)


@pytest.mark.parametrize("path", STRATEGIES + EXAMPLES, ids=lambda path: path.stem)
def test_an_honest_strategy_does_the_same_blind(
    sandbox: Sandbox, four_weeks: Bars, path: Path
) -> None:
    _, found = checked(sandbox, corpus_job(path, four_weeks))
    assert (found.passed, found.first_difference, found.note) == (True, None, "")
    with_indicators = "self.indicator(" in path.read_text()
    assert len(found.cuts) == found.cuts_planned == (50 if with_indicators else 0)


@pytest.mark.parametrize("fill", ["close", "next_open"])
@pytest.mark.parametrize("mode", ["sample", "full"])
def test_whatever_a_run_is_told_it_is_told_again(
    sandbox: Sandbox, make_job: Make, mode: str, fill: str
) -> None:
    job = futures(make_job, EVERYTHING, mode, fill=fill, funding=True, count=600)
    every_8_h = job.bars.timestamp[0] + 8 * 3_600_000 * np.arange(6)
    job = replace(job, funding=Funding(every_8_h, np.array([1, -2, 3, 1, 2, 1]) / 1e4))
    verdict, found = checked(sandbox, job)
    assert len(verdict.orders) > 50
    assert (found.passed, found.note, found.first_difference) == (True, "", None)


@pytest.mark.parametrize("mode", ["sample", "full"])
@pytest.mark.parametrize("source", [SPARSE, ONE_BAR], ids=["sparse", "one bar"])
def test_who_knows_the_next_bar_fails(
    sandbox: Sandbox, make_job: Make, source: str, mode: str
) -> None:
    for _ in range(3):
        verdict = sandbox.run(job := futures(make_job, source, mode, count=1500))
        if verdict.status != "completed":
            assert verdict.error is not None
            assert verdict.error.kind == "lookahead_indicator"
            return
        found = sandbox.check_lookahead(job, verdict.orders, run_cpu_s=verdict.cpu_s)
        assert (found.checked, found.passed) == (True, False)


@pytest.mark.parametrize("mode", ["sample", "full"])
def test_who_dawdles_on_a_future_that_is_not_the_real_one_does_not_pass(
    sandbox: Sandbox, make_job: Make, mode: str
) -> None:
    limits = Limits(wall_s=20.0, cpu_s=2, memory_mb=256)
    job = replace(futures(make_job, DAWDLING, mode), limits=limits)
    job = replace(job, source=DAWDLING.replace("LAST", repr(float(job.bars.close[-1]))))
    _, found = checked(sandbox, job)
    assert found.passed is (False if mode == "sample" else None)


@pytest.mark.parametrize("mode", ["sample", "full"])
def test_nothing_is_carried_from_one_repetition_to_the_next(
    sandbox: Sandbox, make_job: Make, mode: str
) -> None:
    """It raises where it finds a trace of a run before; what fails it is the future alone."""
    _, found = checked(sandbox, futures(make_job, SMUGGLING, mode))
    assert found.passed is False
    honest = SMUGGLING.replace("close[i + 1] for", "150.0 * (i % 5 < 2) for")
    _, found = checked(sandbox, futures(make_job, honest, mode))
    assert found.passed is True


def test_what_is_not_finished_has_not_passed(sandbox: Sandbox, make_job: Make) -> None:
    orders = sandbox.run(job := futures(make_job, EVERYTHING, "sample")).orders
    loop = "        while len(self.bars) > 0:\n            pass\n"
    endless = EVERYTHING.replace("        history =", f"{loop}        history =")
    found = sandbox.check_lookahead(replace(job, source=endless), orders, cancelled=lambda: True)
    assert found.passed is None
    assert found.note == "not finished: 0 of 3 cuts (cancelled)"
    assert found.cuts_planned == 3


def test_a_blind_run_out_of_time_says_how_far_it_got(sandbox: Sandbox, make_job: Make) -> None:
    source = """
class Slow(Strategy):
    def on_data(self, data):
        while len(self.bars) == 40:
            pass
        self.buy(0.001)
"""
    orders = sandbox.run(
        futures(make_job, source.replace("== 40", "< 0"), "full", count=100)
    ).orders
    limits = Limits(wall_s=20.0, cpu_s=1, memory_mb=256)
    job = replace(futures(make_job, source, "full", count=100), limits=limits)
    found = sandbox.check_lookahead(job, orders)
    assert found.passed is None
    assert found.note.startswith("not finished: 39 of 100 bars")


def test_another_order_in_a_blind_run_is_named_with_its_bar(
    sandbox: Sandbox, make_job: Make
) -> None:
    source = "class S(Strategy):\n    def on_data(self, data):\n        self.buy(0.001)\n"
    job = futures(make_job, source, "full", count=50)
    orders = sandbox.run(job).orders.copy()
    for change in (orders.copy(), np.delete(orders, 7), orders[:7]):
        if len(change) == 50:
            change["amount"][7] += 1e-12
        found = sandbox.check_lookahead(job, change)
        assert (found.passed, found.first_difference) == (False, 7)


def test_an_error_that_the_run_did_not_have_is_a_difference(
    sandbox: Sandbox, make_job: Make
) -> None:
    source = "class S(Strategy):\n    def on_data(self, data):\n        self.buy(0.001)\n"
    orders = sandbox.run(job := futures(make_job, source, "full", count=50)).orders
    failing = source + "        1 / (len(self.bars) - 9)\n"
    found = sandbox.check_lookahead(replace(job, source=failing), orders)
    assert (found.passed, found.first_difference) == (False, 8)


def test_an_indicator_by_another_name_is_computed_too(sandbox: Sandbox, make_job: Make) -> None:
    """The word stands nowhere in the code, so that the blind run is the first to hear of it."""
    source = """
class S(Strategy):
    def initialize(self):
        getattr(self, "indi" + "cator")("double", lambda c: c * 2.0, "close")

    def on_data(self, data):
        if getattr(self, "indi" + "cators")["double"][-1] > 2.0 * self.bars.open[-1]:
            self.buy(0.001)
"""
    _, found = checked(sandbox, futures(make_job, source, "full", count=300))
    assert (found.passed, found.note, len(found.cuts)) == (True, "", 50)


def test_names_of_indicators_that_tell_the_future_do_not_pass(
    sandbox: Sandbox, make_job: Make
) -> None:
    source = """
class S(Strategy):
    def initialize(self):
        kept = {}

        def keep(close):
            kept["close"] = close
            return close

        self.indicator("price", keep, "close")
        rises = "".join("1" if b > a else "0" for a, b in zip(kept["close"], kept["close"][1:]))
        self.indicator("x" + rises, lambda close: close, "close")
        self.rises = rises + "0"

    def on_data(self, data):
        if self.rises[len(self.bars) - 1] == "1":
            self.buy(0.001)
"""
    _, found = checked(sandbox, futures(make_job, source, "full", count=300))
    assert found.passed is False


def memory_of(pid: int) -> bytes:
    """All that a process has mapped and that can be read, as root sees it."""
    pieces = []
    with open(f"/proc/{pid}/mem", "rb", 0) as memory, open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            span, rights = line.split()[:2]
            start, end = (int(part, 16) for part in span.split("-"))
            if rights.startswith("r"):
                with contextlib.suppress(OSError, ValueError, OverflowError):
                    memory.seek(start)
                    pieces.append(memory.read(end - start))
    return b"".join(pieces)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can look into a child")
def test_the_next_bar_is_nowhere_in_the_process_before_the_orders_for_this_one_are_out(
    sandbox: Sandbox, make_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = futures(make_job, EVERYTHING, "full", count=90)
    verdict = sandbox.run(job)
    server = server_of(sandbox).pid
    looks: dict[int, tuple[bool, bool]] = {}
    close = job.bars.close  # a high can be the one before it, where both bars turned there

    def look(i: int) -> None:
        """Look, just before bar i is handed in, for the one before it, and for it."""
        if i in (1, 40):
            (child,) = descendants(server)
            memory = memory_of(child)
            looks[i] = (close[i - 1].tobytes() in memory, close[i].tobytes() in memory)

    def one_by_one(*items: Any) -> tuple[int, bytes]:
        *ends, start, stop = items
        for i in range(start, stop):
            look(i)
            index, data = hand_in(*ends, i, i + 1)
            if index == i:
                return index, data
        return stop, b""

    monkeypatch.setattr(rechecks, "hand_in", one_by_one)
    found = sandbox.check_lookahead(job, verdict.orders)
    assert (found.passed, found.note) == (True, "")
    assert looks == {1: (True, False), 40: (True, False)}
