"""Many parameter sets in one call: each as a single run, in the order of the list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.account.fingerprint import fills_digest
from engine.account.records import ORDER_DTYPE
from engine.errors import ValidationError
from engine.run.replay import replay
from sandbox.client import Sandbox
from sandbox.crossing import wire
from sandbox.crossing.wire import Frame
from sandbox.job import Job, Limits, RunError, Verdict
from sandbox.outside import parameter_sets
from sandbox.outside.parameter_sets import SetRuns, SetWatch
from sandbox.outside.replaying import replayed
from sandbox.outside.supervisor import Outcome
from sandbox.sets import MAX_SETS, MIN_RECHECKS, SetResult, SetsOutcome, SetsProgress
from tests.sandbox.test_client import CROSS

Make = Callable[..., Job]
SETS: list[dict[str, Any]] = [
    {"fast": 5, "slow": 20},
    {"fast": 3, "slow": 9},
    {"slow": 50},
    {"fast": 5, "slow": 20},
]


def single(sandbox: Sandbox, job: Job, params: dict[str, Any]) -> Any:
    """Results and error of an ordinary run with these parameters."""
    job = replace(job, config=replace(job.config, params={**job.config.params, **params}))
    return replayed(job, sandbox.run(job))


def files_of(results: Any) -> dict[str, bytes]:
    """The run's files by name, without the figure that no two runs share."""
    if results is None:
        return {}
    results = replace(results, metrics={**results.metrics, "duration_seconds": 0.0})
    results.ledger.plots.clear()
    return {name: b"".join(pieces) for name, pieces in results.files().items()}


def test_each_set_is_to_the_byte_a_single_run_of_its_own(sandbox: Sandbox, make_job: Make) -> None:
    job = make_job(CROSS, params={"slow": 30})
    results: list[SetResult] = []
    outcome = sandbox.run_sets(job, SETS, on_set=results.append)
    assert (outcome.status, outcome.error, outcome.sets_done) == ("completed", None, 4)
    assert [result.number for result in results] == [0, 1, 2, 3]
    for result, params in zip(results, SETS, strict=True):
        alone, error = single(sandbox, job, params)
        assert (result.status, result.error) == ("completed", error)
        assert result.params == params
        assert files_of(result.results) == files_of(alone)
    assert results[0].trades_digest == results[3].trades_digest != results[1].trades_digest


def test_a_set_that_fails_fails_alone(sandbox: Sandbox, make_job: Make) -> None:
    source = "class S(Strategy):\n    n = 1\n    def on_data(self, data):\n        1 / self.n\n"
    results: list[SetResult] = []
    outcome = sandbox.run_sets(
        make_job(source), [{"n": 1}, {"n": 0}, {"n": 2}, {"none": 1}], on_set=results.append
    )
    assert outcome.status == "completed"
    assert [result.status for result in results] == ["completed", "failed", "completed", "failed"]
    error = results[1].error
    assert error is not None
    assert (error.kind, error.line) == ("strategy_error", 4)
    assert results[3].error is not None
    assert "none" in results[3].error.message


def test_code_that_does_not_compile_fails_the_whole(sandbox: Sandbox, make_job: Make) -> None:
    results: list[SetResult] = []
    outcome = sandbox.run_sets(make_job("import os\n"), [{}, {}], on_set=results.append)
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert outcome.error.kind == "rejected_code"
    assert results == []


def test_parameters_that_no_run_can_have_are_refused_before_anything_runs(
    sandbox: Sandbox, make_job: Make
) -> None:
    with pytest.raises(ValidationError) as refused:
        sandbox.run_sets(make_job(CROSS), [{}, {"fast": [1]}], on_set=print)  # type: ignore[dict-item]
    assert list(refused.value.fields) == ["sets.1"]
    for sets in ([], [{}] * (MAX_SETS + 1)):
        with pytest.raises(ValidationError) as refused:
            sandbox.run_sets(make_job(CROSS), sets, on_set=print)
        assert "1 to 20,000" in refused.value.fields["sets"][0]


def test_progress_counts_sets_and_bars(sandbox: Sandbox, make_job: Make) -> None:
    shown: list[SetsProgress] = []
    outcome = sandbox.run_sets(
        make_job(CROSS), SETS, on_set=lambda result: None, on_progress=shown.append
    )
    assert outcome.status == "completed"
    assert all((now.sets, now.bars) == (4, 500) for now in shown)
    assert [now.sets_done for now in shown] == sorted(now.sets_done for now in shown)


def test_cancelling_keeps_the_sets_that_were_done(sandbox: Sandbox, make_job: Make) -> None:
    results: list[SetResult] = []
    outcome = sandbox.run_sets(
        make_job(CROSS),
        SETS,
        on_set=results.append,
        cancelled=lambda: len(results) >= 2,
    )
    assert outcome.status in ("cancelled", "completed")
    assert outcome.sets_done == len(results) >= 2


HUNGRY = """
class Hungry(Strategy):
    mode = ""

    def on_data(self, data):
        if self.mode == "memory":
            self.all = [0] * 60_000_000
        if self.mode == "cpu":
            while True:
                pass
        if self.mode == "log":
            print("x" * 200_000)
        if self.mode == "orders":
            for _ in range(20_000):
                self.buy(0.001)
        self.buy(0.01)
"""
KINDS = {
    "memory": "memory_limit",
    "cpu": "cpu_limit",
    "log": "output_limit",
    "orders": "order_limit",
}


def test_a_set_at_a_limit_ends_alone_and_says_where(sandbox: Sandbox, make_job: Make) -> None:
    limits = Limits(wall_s=20.0, cpu_s=1, memory_mb=256, max_output_bytes=1_000_000)
    job = make_job(HUNGRY, count=20, limits=limits)
    modes = ["", "memory", "", "cpu", "log", "", "orders", "memory", ""]
    results: list[SetResult] = []
    outcome = sandbox.run_sets(job, [{"mode": mode} for mode in modes], on_set=results.append)
    assert (outcome.status, outcome.error) == ("completed", None)
    assert [result.number for result in results] == list(range(len(modes)))
    for mode, result in zip(modes, results, strict=True):
        if not mode:
            assert (result.status, result.error) == ("completed", None)
            continue
        assert result.error is not None
        assert (result.status, result.error.kind) == ("failed", KINDS[mode])
    assert results[3].error is not None
    assert "used 1 s of processor time" in results[3].error.message
    assert results[3].error.line in (9, 10)
    healthy = {result.trades_digest for result in results if result.error is None}
    assert len(healthy) == 1


def test_a_wall_limit_is_each_sets_own(sandbox: Sandbox, make_job: Make) -> None:
    job = make_job(HUNGRY, count=20, limits=Limits(wall_s=0.6, cpu_s=10, memory_mb=256))
    results: list[SetResult] = []
    outcome = sandbox.run_sets(job, [{}, {"mode": "cpu"}, {}], on_set=results.append)
    assert outcome.status == "completed"
    assert [result.error and result.error.kind for result in results] == [None, "timeout", None]


def test_a_strategy_that_swallows_its_limit_is_killed_and_the_next_set_runs(
    sandbox: Sandbox, make_job: Make
) -> None:
    source = HUNGRY.replace(
        "            while True:\n                pass",
        "            sorted(range(2), key=lambda n: sum(range(10**11)))",
    )
    job = make_job(source, count=20, limits=Limits(wall_s=30.0, cpu_s=1, memory_mb=256))
    results: list[SetResult] = []
    outcome = sandbox.run_sets(job, [{}, {"mode": "cpu"}, {}], on_set=results.append)
    assert outcome.status == "completed"
    assert [result.error and result.error.kind for result in results] == [None, "cpu_limit", None]


# --- without a child ------------------------------------------------------------------------
class FakeRoom:
    """Children whose frames are made here: `ends` says of each how many sets it does, and how it
    ends; of a set there is one order a run, of `amounts`."""

    def __init__(self, ends: list[tuple[int, Outcome]], amounts: dict[int, float]) -> None:
        self.ends = ends
        self.amounts = amounts
        self.short_of_memory: set[int] = set()  # sets of which the first child says so
        self.asked: list[list[int]] = []
        self.alone: list[int] = []

    def run_set_child(
        self, document: Any, job: Job, limits: Limits, watch: SetWatch, cancelled: Any
    ) -> Outcome | RunError:
        numbers = [int(params["n"]) for params in document["sets"]]
        self.asked.append(numbers)
        done, outcome = self.ends.pop(0)
        reader = watch.reader
        reader.feed(wire.encode_json(Frame.HELLO, {}))
        for place, number in enumerate(numbers[: done + 1]):
            reader.feed(wire.encode(Frame.SET, wire.SET.pack(place)))
            if place == done:
                break
            rows = one_order(job, self.amounts.get(number, 1.0))
            for frame in wire.encode_orders(rows):
                reader.feed(frame)
            if number in self.short_of_memory and len(self.asked) == 1:
                reader.feed(wire.encode_json(Frame.ERROR, {"kind": "memory_limit"}))
            reader.feed(wire.encode(Frame.USED, wire.USED.pack(0.5, 0.75)))
            final = wire.FINAL.pack(len(job.bars), 1, 0)
            digest = fills_digest(
                replay(job.config, job.bars, job.funding, rows, len(job.bars)).trades
            )
            reader.feed(wire.encode(Frame.FINAL, final + digest))
            watch.on_frames(reader.received)
        outcome.received = reader.received
        return outcome

    def run(self, job: Job, *, cancelled: Any = None) -> Verdict:
        number = int(job.config.params["n"])
        self.alone.append(number)
        rows = one_order(job, 1.0)
        digest = digest_of(job, rows)
        return Verdict("completed", orders=rows, bars_done=len(job.bars), fills_digest=digest)


def digest_of(job: Job, rows: Any) -> bytes:
    return fills_digest(replay(job.config, job.bars, job.funding, rows, len(job.bars)).trades)


def one_order(job: Job, amount: float) -> Any:
    rows = np.zeros(1, ORDER_DTYPE)
    rows["given"], rows["amount"], rows["leverage"] = 1, amount, 1.0
    for name in ("limit", "stop", "stop_loss", "take_profit"):
        rows[name] = np.nan
    return rows


def killed() -> Outcome:
    return Outcome("ended", wire.Received(), signal=9)


def clean() -> Outcome:
    return Outcome("ended", wire.Received(), exit_code=0)


def play(
    make_job: Make, ends: list[tuple[int, Outcome]], amounts: dict[int, float], count: int = 4
) -> tuple[FakeRoom, SetsOutcome, list[SetResult]]:
    room, results = FakeRoom(ends, amounts), []
    runs = SetRuns(make_job("", count=5), [{"n": n} for n in range(count)], room, results.append)
    return room, runs.run(), results


def test_another_child_takes_over_where_one_was_killed(make_job: Make) -> None:
    room, outcome, results = play(make_job, [(2, killed()), (2, clean())], {})
    assert outcome.status == "completed"
    assert room.asked == [[0, 1, 2, 3], [2, 3]]
    assert [result.number for result in results] == [0, 1, 2, 3]
    assert [result.wall_s for result in results] == [0.75] * 4


def test_a_set_that_is_killed_twice_has_failed_and_the_rest_goes_on(make_job: Make) -> None:
    room, outcome, results = play(make_job, [(2, killed()), (0, killed()), (1, clean())], {})
    assert outcome.status == "completed"
    assert room.asked == [[0, 1, 2, 3], [2, 3], [3]]
    assert [result.error and result.error.kind for result in results] == [
        None, None, "interrupted", None,
    ]  # fmt: skip


def test_a_crash_is_laid_to_a_set_only_when_none_ran_before_it(make_job: Make) -> None:
    crash = [Outcome("ended", wire.Received(), signal=11) for _ in range(2)]
    room, outcome, results = play(make_job, [(1, crash[0]), (0, crash[1]), (2, clean())], {})
    assert outcome.status == "completed"
    assert room.asked == [[0, 1, 2, 3], [1, 2, 3], [2, 3]]
    assert [result.error and result.error.kind for result in results] == [
        None, "crashed", None, None,
    ]  # fmt: skip


def test_a_child_that_goes_on_after_its_memory_ran_out_makes_no_set_disappear(
    make_job: Make,
) -> None:
    """Ours ends there, and the set is tried as the first of another; a hostile one need not."""
    room, results = FakeRoom([(4, clean()), (3, clean())], {}), list[SetResult]()
    room.short_of_memory = {1}
    runs = SetRuns(make_job("", count=5), [{"n": n} for n in range(4)], room, results.append)
    assert runs.run().status == "completed"
    assert room.asked == [[0, 1, 2, 3], [1, 2, 3]]
    assert [result.number for result in results] == [0, 1, 2, 3]


def test_some_sets_are_run_again_and_a_difference_fails_the_whole(make_job: Make) -> None:
    room, outcome, results = play(make_job, [(4, clean())], {n: 2.0 for n in range(4)})
    assert len(results) == 4
    assert (outcome.status, outcome.error and outcome.error.kind) == ("failed", "internal")
    assert len(outcome.rechecked) == MIN_RECHECKS
    assert room.alone[0] in outcome.rechecked


@pytest.mark.parametrize(("count", "rechecks"), [(2, 2), (4, 3), (301, 4)])
def test_one_in_a_hundred_is_run_again_and_at_least_three(
    make_job: Make, count: int, rechecks: int
) -> None:
    room, outcome, _ = play(make_job, [(count, clean())], {}, count)
    assert outcome.status == "completed"
    assert sorted(room.alone) == list(outcome.rechecked)
    assert len(set(room.alone)) == rechecks


def test_a_child_is_given_no_more_sets_than_it_may_take(
    make_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameter_sets, "SETS_PER_CHILD", 3)
    room, outcome, _ = play(make_job, [(3, clean()), (1, clean())], {})
    assert outcome.status == "completed"
    assert room.asked == [[0, 1, 2], [3]]


def test_a_child_is_given_no_more_parameters_than_its_job_holds(
    make_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameter_sets, "PARAMS_BYTES_PER_CHILD", 20)  # `{"n": 0}` has 8
    room, _, _ = play(make_job, [(2, clean()), (2, clean())], {})
    assert room.asked == [[0, 1], [2, 3]]
