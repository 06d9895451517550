"""Hostile order logs: whatever a child hands back, the replay refuses it or accounts for it.

Bytes that are no log at all, logs that look right and are not, and honest logs tampered with:
the replay raises ReplayError (or CalculationError, when what is asked for overflows) or gives a
ledger whose identity holds and of which every file can be made. Nothing else ever comes out.
"""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from engine.account import codes
from engine.account.records import ORDER_DTYPE
from engine.analysis.results import BacktestResults
from engine.errors import BacktestError, CalculationError
from engine.run.backtest import Run
from engine.run.replay import ReplayError, replay
from engine.run.strategy import Strategy
from tests.generators import Scenario, random_scenario, scripted
from tests.oracle.compare import broken_identity

Orders = npt.NDArray[np.void]
CASES_PER_BATCH = 2_500
# Far beyond what a batch takes anywhere: a replay that hangs must fail, not stall the suite.
HANG_S = 300
ODD_NUMBERS = [
    *(0.0, -0.0, 1.0, -1.0, 0.1, 50.0, 100.0, 1e-5, 1e6, 1e-300, 5e-324, 1e16, 1e300),
    float("nan"),
]


def random_bytes(rng: random.Random, scenario: Scenario) -> Orders:
    return np.frombuffer(rng.randbytes(ORDER_DTYPE.itemsize * rng.randrange(12)), ORDER_DTYPE)


def plausible_rows(rng: random.Random, scenario: Scenario) -> Orders:
    """Codes in range and bars in order, so that the calls get as far as the broker."""
    count = rng.randrange(1, 30)
    orders = np.zeros(count, ORDER_DTYPE)
    orders["bar"] = sorted(rng.randrange(len(scenario.bars)) for _ in range(count))
    rows = 0
    for row in orders:
        rows += rng.choice([0, 0, 0, 1])
        row["rows"] = rows if rng.random() < 0.8 else rng.randrange(-5, 50)
        row["depth"] = rng.choice([0, 0, 0, 1, 2, 100])
        row["call"] = rng.choice([*range(8), codes.WORD])
        row["given"] = rng.choice(
            [1, 1, 1, 0, 3, 5, 9, 17, 25, 31, 7, 515, 1031, 2051, 4099, 33, 65]
            if row["call"] < 2
            else [1, 513, 8192, 128]
        )
        for bit, name in enumerate(("amount", "limit", "stop", "stop_loss", "take_profit")):
            absent = not row["given"] & 1 << bit and rng.random() < 0.98
            row[name] = np.nan if absent else odd_number(rng)
        for name in ("tag", "oco", "targets", "expires", "line"):
            row[name] = rng.choice([0, 0, 0, 0, 1, 2, -1, 100])
        row["leverage"] = 1.0 if rng.random() < 0.7 else odd_number(rng)
    return orders


def odd_number(rng: random.Random) -> float:
    kind = rng.random()
    if kind < 0.01:
        return rng.choice([np.inf, -np.inf])
    return rng.choice(ODD_NUMBERS) if kind < 0.5 else rng.uniform(0.0, 150.0)


def honest(scenario: Scenario) -> tuple[Orders, int, int | None]:
    """(orders, bars done, rows done when it failed) of a real run."""
    run = Run(scenario.config, scenario.bars, scenario.funding)
    try:
        run.execute(scripted(Strategy, scenario, []))
    except BacktestError:
        return run.orders(), run.bars_done, len(run.broker.rows)
    return run.orders(), run.bars_done, None


def tampered(rng: random.Random, orders: Orders) -> Orders:
    orders = orders.copy()
    for _ in range(rng.randrange(1, 4)):
        if len(orders) == 0:
            return orders
        at = rng.randrange(len(orders))
        kind = rng.randrange(8)
        if kind == 0:
            orders = np.delete(orders, at)
        elif kind == 1:
            orders = np.insert(orders, at, orders[rng.randrange(len(orders))])
        elif kind == 2:
            other = rng.randrange(len(orders))
            orders[[at, other]] = orders[[other, at]]
        elif kind == 3:
            name = rng.choice(["bar", "rows"])
            orders[at][name] = int(orders[at][name]) + rng.choice([-2, -1, 1, 2, 1000])
        elif kind == 4:
            name = rng.choice(
                ["depth", "call", "given", "line", "tag", "oco", "targets", "expires"]
            )
            orders[at][name] = rng.choice([0, 1, 2, 3, 7, 8, 31, 100, 255])
        elif kind == 5:
            data = bytearray(orders.tobytes())
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            orders = np.frombuffer(bytes(data), ORDER_DTYPE).copy()
        elif kind == 6:
            orders = orders[:at]
        else:
            name = rng.choice(["amount", "leverage", "limit", "stop", "stop_loss", "take_profit"])
            orders[at][name] = odd_number(rng)
    return orders


def outcome(scenario: Scenario, orders: Orders, done: int, rows: int | None) -> str:
    """How the replay ended; anything but what the module's docstring allows is raised."""
    try:
        ledger = replay(scenario.config, scenario.bars, scenario.funding, orders, done, rows)
    except ReplayError:
        return "refused"
    except CalculationError:
        return "overflow"
    try:
        wrong = broken_identity(ledger, scenario.bars)
    except CalculationError:
        return "overflow"
    assert wrong == []
    assert ledger.n_bars == done
    if done:
        results = BacktestResults.build(scenario.config, scenario.bars, ledger, 0.0)
        for chunks in results.files().values():
            for _ in chunks:
                pass
    return "accounted"


@contextmanager
def no_hang() -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise AssertionError("a replay hangs")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANG_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def fuzz(seed: int) -> Counter[str]:
    rng = random.Random(seed)
    ends: Counter[str] = Counter()
    scenario = random_scenario(rng)
    log, log_done, log_rows = honest(scenario)
    for case in range(CASES_PER_BATCH):
        if case % 10 == 0:
            scenario = random_scenario(rng)
            scenario = replace(scenario, bars=scenario.bars.slice(0, 30))
            log, log_done, log_rows = honest(scenario)
        done, rows = len(scenario.bars), None
        kind = case % 5
        if kind == 0:
            orders = random_bytes(rng, scenario)
        elif kind == 1:
            orders = plausible_rows(rng, scenario)
        else:
            orders, done, rows = tampered(rng, log), log_done, log_rows
        if rng.random() < 0.1:
            done = rng.choice([-1, 0, 1, done - 1, done + 1, len(scenario.bars)])
        if rng.random() < 0.1:
            rows = rng.choice([None, -1, 0, 1, len(orders), 10_000])
        try:
            ends[outcome(scenario, orders, done, rows)] += 1
        except Exception as error:
            error.add_note(f"seed {seed}, case {case}: {done} bars, {rows} rows, {orders!r}")
            raise
    return ends


@pytest.mark.parametrize("seed", range(8))
def test_a_hostile_log_is_refused_or_accounted_for(seed: int):
    with no_hang():
        ends = fuzz(seed)
    # Both ways out are taken often, else the cases prove little.
    assert ends["refused"] > CASES_PER_BATCH // 10
    assert ends["accounted"] > CASES_PER_BATCH // 10
