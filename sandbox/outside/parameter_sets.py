"""Many runs of one strategy over one series of bars, each with parameters of its own.

One child runs set after set over bars that are mapped once, with code that is compiled once
(`sandbox.child.set_tasks`); its frames are those of single runs, one after another, and each set
is judged and replayed as a single run is. Another child takes over where one ends early, and where
a set failed in a way in which those before it may have had a part. That nothing is handed on from
set to set is not taken on trust: some sets, which nobody can foresee, run once more alone.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from engine.config import ParamValue
from engine.errors import CalculationError, ValidationError
from sandbox.crossing.set_frames import SetsReader
from sandbox.crossing.wire import Received
from sandbox.job import ErrorKind, Job, Limits, RunError, Verdict
from sandbox.outside.dialogue import cpu_s_of
from sandbox.outside.replaying import replayed
from sandbox.outside.supervisor import End, Outcome
from sandbox.outside.verdicts import verdict_of
from sandbox.sets import (
    MAX_SETS,
    MIN_RECHECKS,
    RECHECK_SHARE,
    SetResult,
    SetsOutcome,
    SetsProgress,
)

log = logging.getLogger(__name__)

Params = Mapping[str, ParamValue]

# What one child is given: a job must fit into MAX_JOB_BYTES, and what libraries keep adds up.
SETS_PER_CHILD = 1_000
PARAMS_BYTES_PER_CHILD = 4 * 1024 * 1024
MAX_ATTEMPTS = 2  # of a set that was interrupted from outside
# Between two sets a child tidies up, which is not the next one's time.
TIDYING_CPU_S = 10.0
TIDYING_WALL_S = 60.0
# The child tells a limit itself, or is killed this much later.
GRACE_S = 2.0
# In which sets that ran before in the same process may have had a part.
_MAY_BE_INHERITED: frozenset[ErrorKind] = frozenset({"memory_limit", "crashed"})
# Ends that two runs of one strategy need not share.
_CHANCE: frozenset[ErrorKind] = frozenset(
    {"timeout", "cpu_limit", "memory_limit", "output_limit", "crashed", "interrupted", "internal"}
)


class Room(Protocol):
    """What is needed of the door."""

    def run(self, job: Job, *, cancelled: Callable[[], bool] | None = None) -> Verdict: ...

    def run_set_child(
        self,
        document: dict[str, Any],
        job: Job,
        limits: Limits,
        watch: SetWatch,
        cancelled: Callable[[], bool] | None,
    ) -> Outcome | RunError: ...


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


@dataclass
class SetWatch:
    """How a child that runs sets is read, and when a set has had its time."""

    reader: SetsReader
    on_frames: Callable[[Received], None]
    limits: Limits
    _at: tuple[int, bool] = (-2, False)
    _since: tuple[float, float] = (0.0, 0.0)

    def overdue(self, pid: int) -> End | None:
        """The limit that the set in progress has passed in the child of this process id."""
        at = (self.reader.number, self.reader.received.finished)
        now = (cpu_s_of(pid) or 0.0, time.monotonic())
        if at != self._at:
            self._at, self._since = at, now
            return None
        tidying = at[0] < 0 or at[1]
        cpu_s = TIDYING_CPU_S if tidying else self.limits.cpu_s + GRACE_S
        wall_s = TIDYING_WALL_S if tidying else self.limits.wall_s + GRACE_S
        if now[0] - self._since[0] > cpu_s:
            return "cpu_limit"
        return "timeout" if now[1] - self._since[1] > wall_s else None


@dataclass
class SetRuns:
    """One call of `sandbox.client.Sandbox.run_sets`."""

    job: Job
    params: Sequence[Params]
    room: Room
    on_set: Callable[[SetResult], None]
    on_progress: Callable[[SetsProgress], None] | None = None
    cancelled: Callable[[], bool] | None = None
    cpu_s: float = 0.0
    _jobs: list[Job] = field(default_factory=list)
    _next: int = 0  # the first set that was not handed over
    _attempts: int = 0  # to get that one to an end
    _prints: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    _problem: RunError | None = None  # of all sets

    def run(self) -> SetsOutcome:
        """Run them all. Raises ValidationError for parameters that no run can have."""
        self._jobs = jobs_of(self.job, self.params)
        while self._next < len(self._jobs) and self._problem is None:
            if not self._run_child():
                return self._outcome("cancelled")
        if self._problem is not None:
            return self._outcome("failed")
        return self._recheck()

    def _outcome(self, status: Any, rechecked: tuple[int, ...] = ()) -> SetsOutcome:
        return SetsOutcome(status, self._problem, self._next, rechecked, self.cpu_s)

    # --- one child ---------------------------------------------------------------------------
    def _run_child(self) -> bool:
        """Run the next sets in one child, as far as it gets; False when cancelled."""
        if self.cancelled and self.cancelled():
            return False
        job, first = self.job, self._next
        count = self._fitting(first)
        reader = SetsReader(len(job.bars), job.limits.wall_s, count)
        watch = SetWatch(reader, lambda _: self._take(reader, first), job.limits)
        limits = replace(
            job.limits,
            wall_s=count * (job.limits.wall_s + GRACE_S + TIDYING_WALL_S),
            cpu_s=math.ceil(min(count * (job.limits.cpu_s + TIDYING_CPU_S), 2**31)),
        )
        outcome = self.room.run_set_child(
            self._document(first, count), job, limits, watch, self.cancelled
        )
        if isinstance(outcome, RunError):
            self._problem = outcome
            return True
        self.cpu_s += outcome.cpu_s
        self._take(reader, first)
        if outcome.end == "cancelled":
            return False
        if self._problem is None and not reader.received.finished:
            self._take_end(reader, first, outcome)
        return True

    def _fitting(self, first: int) -> int:
        """How many sets from number `first` on one child is given."""
        count, size = 0, 0
        for single in self._jobs[first : first + SETS_PER_CHILD]:
            size += len(json.dumps(dict(single.config.params)))
            if count and size > PARAMS_BYTES_PER_CHILD:
                break
            count += 1
        return count

    def _document(self, first: int, count: int) -> dict[str, Any]:
        limits = self.job.limits
        return {
            "task": "sets",
            "source": self.job.source,
            "symbol": self.job.bars.symbol,
            "config": self.job.config.to_document(),
            "sets": [dict(single.config.params) for single in self._jobs[first : first + count]],
            "limits": {
                "cpu_s": limits.cpu_s,
                "wall_s": limits.wall_s,
                "max_output_bytes": limits.max_output_bytes,
            },
        }

    def _take(self, reader: SetsReader, first: int) -> None:
        """Hand over the sets that have ended meanwhile."""
        while reader.ended and self._problem is None:
            place, received, (cpu_s, wall_s) = reader.ended.pop(0)
            if first + place != self._next:
                continue  # behind a set that shall run once more: another child's, as that one is
            outcome = Outcome("ended", received, exit_code=0, cpu_s=cpu_s, wall_s=wall_s)
            job = self._jobs[first + place]
            self._hand_over(first + place, verdict_of(job, outcome), alone=place == 0)
        if self.on_progress and reader.number >= 0:
            bars_done = 0 if reader.received.finished else reader.received.bars_done
            bars = len(self.job.bars)
            self.on_progress(SetsProgress(self._next, len(self._jobs), bars_done, bars))

    def _take_end(self, reader: SetsReader, first: int, outcome: Outcome) -> None:
        """The child ended in the middle of a set, or before the first."""
        number = max(0, reader.number)
        verdict = verdict_of(self._jobs[first + number], outcome)
        error = verdict.error or RunError("crashed", "stopped: ended without a result")
        if error.kind == "interrupted" or reader.number < 0:
            self._attempts += 1
            if self._attempts < MAX_ATTEMPTS:
                return
            if reader.number < 0:
                self._problem = error
                return
        self._hand_over(first + number, replace(verdict, error=error), alone=number == 0)

    def _hand_over(self, number: int, verdict: Verdict, *, alone: bool) -> None:
        """Tell of a set that has ended, unless it shall run once more, as the first of a child."""
        error = verdict.error
        if error is not None and error.kind in _MAY_BE_INHERITED and not alone:
            return
        if error is not None and error.kind == "rejected_code":
            self._problem = error
            return
        began = time.thread_time()
        result = result_of(number, self.params[number], self._jobs[number], verdict)
        self.cpu_s += time.thread_time() - began
        self._prints[number] = _print_of(verdict)
        self._next, self._attempts = number + 1, 0
        self.on_set(result)

    # --- once more ---------------------------------------------------------------------------
    def _recheck(self) -> SetsOutcome:
        """Run some of the sets in children of their own, and compare."""
        numbers = [n for n, seen in self._prints.items() if seen[0] not in _CHANCE]
        count = max(MIN_RECHECKS, math.ceil(RECHECK_SHARE * len(self._jobs)))
        chosen = secrets.SystemRandom().sample(numbers, min(count, len(numbers)))
        for number in chosen:
            verdict = self.room.run(self._jobs[number], cancelled=self.cancelled)
            self.cpu_s += verdict.cpu_s
            if verdict.status == "cancelled":
                return self._outcome("cancelled")
            again = _print_of(verdict)
            if again[0] not in _CHANCE and again != self._prints[number]:
                log.error("set_differs job_id=%s set=%s", self.job.job_id, number)
                self._problem = RunError(
                    "internal",
                    f"set {number} came out otherwise when it was run again by itself: "
                    "something reached it from the sets before",
                )
                return self._outcome("failed", tuple(sorted(chosen)))
        return self._outcome("completed", tuple(sorted(chosen)))


def _print_of(verdict: Verdict) -> tuple[Any, ...]:
    """What two runs of one set have in common; first the kind of its error."""
    error = verdict.error
    hashed = hashlib.blake2b(verdict.orders.tobytes(), digest_size=16)
    return (
        error and error.kind,
        error and (error.message, error.line, error.timestamp),
        verdict.status,
        verdict.bars_done,
        verdict.dropped_points,
        verdict.indicator_wait_bars,
        verdict.fills_digest,
        hashed.digest(),
    )


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
