"""Many parameter sets in one call: each as a single run, in the order of the list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engine.errors import ValidationError
from sandbox.client import Sandbox
from sandbox.job import Job
from sandbox.outside.replaying import replayed
from sandbox.sets import MAX_SETS, SetResult, SetsProgress
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
