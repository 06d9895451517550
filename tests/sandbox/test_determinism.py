"""The same code, data, configuration and seed give the same run, whichever server forks it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.analysis.results import BacktestResults
from engine.bars import NO_FUNDING
from engine.run.replay import replay
from sandbox.client import Sandbox
from sandbox.job import Verdict

ROOT = Path(__file__).resolve().parents[2]

SOURCE = """
import pprint
import random
from datetime import datetime
import numpy as np
import pandas as pd

class Dice(Strategy):
    def initialize(self):
        self.rng = np.random.default_rng()
        self.log(sorted({hash(word) for word in ("bid", "ask", "last")}))
        self.log(list({"btc", "eth", "xrp", "sol"}))
        print(self, self.rng, lambda: 0)
        circle = []
        circle.append(circle)
        pprint.pprint(circle)

    def on_data(self, data):
        roll = random.random() + np.random.rand() + self.rng.random()
        self.plot("roll", roll)
        if roll > 2.2 and self.get_position_size() == 0:
            self.buy(0.1 + 0.1 * random.random())
        elif roll < 0.9 and self.get_position_size() > 0:
            self.close_position()
        if random.randrange(40) == 0:
            self.log(f"{datetime.now()} {pd.Timestamp.now()} {roll!r}")
"""


def fingerprints(make_job: Callable[..., Any], seed: int) -> dict[str, str]:
    sandbox = Sandbox()
    try:
        job = make_job(SOURCE, seed=seed)
        verdict = sandbox.run(job)
    finally:
        sandbox.close()
    assert verdict.error is None
    ledger = replay(job.config, job.bars, NO_FUNDING, verdict.orders, verdict.bars_done)
    assert len(ledger.trades) > 5
    results = BacktestResults.build(job.config, job.bars, ledger, duration_seconds=1.0)
    files = {name: b"".join(parts) for name, parts in results.files().items()}
    files["log.txt"] = verdict.log
    files["plots"] = b"".join(v.tobytes() for v in verdict.plots["roll"])
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def test_two_fork_servers_give_byte_identical_artifacts(make_job: Callable[..., Any]) -> None:
    assert fingerprints(make_job, 7) == fingerprints(make_job, 7)


def test_another_seed_is_another_run(make_job: Callable[..., Any]) -> None:
    first, second = fingerprints(make_job, 7), fingerprints(make_job, 8)
    assert first["orders.csv"] != second["orders.csv"]


NOW_IN_WORDS = """
import datetime
import numpy as np
import pandas as pd

class Asks(Strategy):
    def on_data(self, data):
        now, today = "no" + "w", "to" + "day"
        times = np.zeros(1, "M8[s]")
        times[0] = now
        for answer in (
            np.datetime64(now), np.datetime64(today), times[0], np.array([now], "M8[ms]")[0],
            np.array([today]).astype("M8[D]")[0], np.arange(today, 2, dtype="M8[D]")[0],
            pd.Timestamp(now), pd.Timestamp("10:30"), pd.to_datetime([today])[0],
            pd.to_datetime(["10:30"])[0], pd.DatetimeIndex([now], tz="UTC")[0],
            pd.Series([now]).astype("datetime64[ns, UTC]").iloc[0], pd.Period.now("D"),
            pd.date_range(end=now, periods=1)[0], datetime.datetime.now(datetime.UTC),
            datetime.date.today(), pd.Timestamp.utcnow(),
        ):
            self.log(answer)
"""


def test_however_a_strategy_asks_for_the_time_it_is_told_the_bars(
    sandbox: Sandbox, make_job: Callable[..., Any]
) -> None:
    verdict = sandbox.run(make_job(NOW_IN_WORDS, count=1))
    assert verdict.error is None
    answers = verdict.log.decode().splitlines()
    assert [answer[:27] for answer in answers] == ["2023-01-01 00:00 2023-01-01"] * 17


AT_THE_END_OF_THE_STACK = """
import numpy as np

class Deep(Strategy):
    def on_data(self, data):
        def generator():
            try:
                yield 1
            finally:
                raise ValueError
        left = generator()
        next(left)
        left = None
        def deeper():
            np.datetime64("no" + "w")
            deeper()
        try:
            deeper()
        except RecursionError:
            self.log("deep enough")
"""


def test_errors_that_nobody_can_catch_show_nothing_of_the_house(
    sandbox: Sandbox, make_job: Callable[..., Any]
) -> None:
    verdict = sandbox.run(make_job(AT_THE_END_OF_THE_STACK, count=1))
    assert (verdict.error, verdict.log) == (None, b"2023-01-01 00:00 deep enough\n")


CORPUS = {
    path.stem: path.read_text()
    for folder in ("tests/sandbox/strategies", "server/examples")
    for path in sorted((ROOT / folder).glob("*.py"))
    if path.stem != "__init__"
}


@pytest.fixture(scope="module")
def two_servers() -> Iterator[tuple[Sandbox, Sandbox]]:
    with Sandbox() as first, Sandbox() as second:
        yield first, second


@pytest.mark.parametrize("name", CORPUS)
def test_a_strategy_gives_the_same_bytes_on_two_fork_servers(
    name: str, two_servers: tuple[Sandbox, Sandbox], make_job: Callable[..., Any]
) -> None:
    fields: dict[str, Any] = {"initial_capital": 1000.0, "seed": 3}
    if "# mode: futures" in CORPUS[name] or name in ("long_short", "overleveraged"):
        fields |= {"trading_mode": "futures", "max_leverage": 50.0}
    job = make_job(CORPUS[name], count=400, **fields)
    first, second = (_everything(sandbox.run(job)) for sandbox in two_servers)
    assert first == second
    assert first["bars_done"] == 400, first["error"]


def _everything(verdict: Verdict) -> dict[str, Any]:
    """What a child says of its run, but for what it took."""
    return {
        "error": verdict.error,
        "bars_done": verdict.bars_done,
        "orders": verdict.orders.tobytes(),
        "fills": verdict.fills_digest,
        "log": verdict.log,
        "plots": {n: (t.tobytes(), v.tobytes()) for n, (t, v) in verdict.plots.items()},
        "indicators": {n: v.tobytes() for n, v in verdict.indicators.lines.items()},
    }
