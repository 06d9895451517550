"""Many runs of one strategy over one series of bars, each with parameters of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from engine.config import ParamValue
from engine.errors import CalculationError, ValidationError
from sandbox.job import Job, Progress, RunError, Verdict
from sandbox.outside.replaying import replayed
from sandbox.sets import MAX_SETS, SetResult, SetsOutcome, SetsProgress

log = logging.getLogger(__name__)

Params = Mapping[str, ParamValue]
# What a set ends with because none could have run.
_OF_ALL = ("rejected_code", "data_error", "internal")


class RunOne(Protocol):
    """Runs one job in a child of its own."""

    def __call__(
        self,
        job: Job,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Verdict: ...


def jobs_of(job: Job, params: Sequence[Params]) -> list[Job]:
    """The job with each set's parameters over its own. Raises ValidationError with `.fields`."""
    if not 0 < len(params) <= MAX_SETS:
        raise ValidationError(
            fields={"sets": [f"there must be 1 to {MAX_SETS:,} sets; got {len(params):,}"]}
        )
    jobs, problems = [], {}
    for number, given in enumerate(params):
        try:
            config = replace(job.config, params={**job.config.params, **given})
        except ValidationError as error:
            problems[f"sets.{number}"] = error.fields["params"]
        else:
            jobs.append(replace(job, config=config))
    if problems:
        raise ValidationError(fields=problems)
    return jobs


def run_sets(
    job: Job,
    params: Sequence[Params],
    run_one: RunOne,
    *,
    on_set: Callable[[SetResult], None],
    on_progress: Callable[[SetsProgress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> SetsOutcome:
    """See `sandbox.client.Sandbox.run_sets`."""
    cpu_s = 0.0
    jobs = jobs_of(job, params)
    for number, single in enumerate(jobs):

        def show(now: Progress, number: int = number) -> None:
            if on_progress:
                on_progress(SetsProgress(number, len(jobs), now.bars_done, now.bars))

        verdict = run_one(single, on_progress=show, cancelled=cancelled)
        cpu_s += verdict.cpu_s
        if verdict.status == "cancelled":
            return SetsOutcome("cancelled", sets_done=number, cpu_s=cpu_s)
        result = result_of(number, params[number], single, verdict)
        cpu_s += result.cpu_s - verdict.cpu_s
        if result.error is not None and result.error.kind in _OF_ALL:
            return SetsOutcome("failed", result.error, number, cpu_s=cpu_s)
        on_set(result)
    return SetsOutcome("completed", sets_done=len(jobs), cpu_s=cpu_s)


def result_of(number: int, params: Params, job: Job, verdict: Verdict) -> SetResult:
    """What the set's order calls earned, replayed here."""
    began = time.thread_time()
    try:
        results, error = replayed(job, verdict)
    except CalculationError as problem:
        log.error("calculation_error job_id=%s set=%s", job.job_id, number, exc_info=problem)
        results, error = None, RunError("calculation_error", str(problem))
    return SetResult(
        number,
        params,
        verdict.status if error is None else "failed",
        error,
        results,
        verdict.bars_done,
        verdict.cpu_s + time.thread_time() - began,
        verdict.wall_s,
    )
