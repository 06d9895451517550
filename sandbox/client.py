"""Sandbox: the only door to the room. Blocking calls, safe from several threads at once."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from engine.account.records import TRADE_DTYPE
from engine.config import ParamValue
from engine.enums import LookaheadCheck
from engine.run.replay import ReplayError, replay
from sandbox import lookahead
from sandbox.crossing import wire
from sandbox.crossing.differences import Group
from sandbox.crossing.sealed import sealed_job
from sandbox.job import (
    CHECK_CPU_S,
    CONCURRENT_CHECKS,
    CONCURRENT_SLOW_CHECKS,
    CheckReport,
    ErrorKind,
    Job,
    Limits,
    Lookahead,
    Progress,
    RunError,
    Verdict,
)
from sandbox.language.verifier import version_warning
from sandbox.locks import kernel
from sandbox.outside import probing, rechecks
from sandbox.outside.admission import OVERHEAD_MB, Admission
from sandbox.outside.bars_cache import BarsCache
from sandbox.outside.dialogue import Talk
from sandbox.outside.parameter_sets import SETS_PER_CHILD, SetRuns, SetWatch
from sandbox.outside.servers import Servers
from sandbox.outside.supervisor import (
    MAX_RESULT_BYTES,
    Order,
    Outcome,
    Server,
    ServerLost,
    run_child,
)
from sandbox.outside.verdicts import (
    groups_of,
    has_run_out,
    killed_from_outside,
    report_of,
    verdict_of,
)
from sandbox.sets import SetResult, SetsOutcome, SetsProgress

Level = Literal["strict", "degraded"]

RECYCLE_AFTER_RUNS = 500
MAX_SEALED_MB = 1024
CHECK_LIMITS = Limits(wall_s=20.0, cpu_s=CHECK_CPU_S, memory_mb=256, max_log_bytes=4096)
DIFF_LIMITS = Limits(wall_s=10.0, cpu_s=1, memory_mb=256, max_log_bytes=4096)
PROBE_LIMITS = Limits(wall_s=20.0, cpu_s=10, memory_mb=128, max_log_bytes=4096)
CHECKS_MB = (CONCURRENT_CHECKS + CONCURRENT_SLOW_CHECKS) * (CHECK_LIMITS.memory_mb + OVERHEAD_MB)
_MACHINES = {
    "x86_64": "x86-64",
    "aarch64": "arm64 (its filter was checked by interpreting it; it has not run on one)",
}
# Runs on a dying fork server are tried once more.
_ATTEMPTS = 2


class Sandbox:
    """Owns a fork server, replaces it when it is old, odd or dead, and runs jobs through it.

    `level`: `strict` runs nothing unless seccomp and Landlock are there; `degraded` runs with
    the layers there are. Starts its fork server on first use. `max_sealed_mb` bounds the sealed
    copies of bars that are kept for the next run over the same.
    """

    def __init__(
        self,
        *,
        level: Level = "strict",
        recycle_after: int = RECYCLE_AFTER_RUNS,
        python: str = sys.executable,
        admission: Admission | None = None,
        max_sealed_mb: int = MAX_SEALED_MB,
    ) -> None:
        self._level = level
        self._servers = Servers(python, recycle_after)
        self._admission = admission or Admission.of_this_machine(except_mb=CHECKS_MB)
        self._check_admission = Admission(CHECKS_MB)
        self._bars = BarsCache(max_sealed_mb * 2**20)

    # --- the door ------------------------------------------------------------------------------
    def run(
        self,
        job: Job,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Verdict:
        """Run `job` and wait for its verdict. How it ends is data: nothing here raises for it.

        `on_progress` is called at most ten times a second, from this thread.
        """
        last_shown: tuple[int, int | None] | None = None

        def show(received: wire.Received) -> None:
            nonlocal last_shown
            now = (received.bars_done, received.line)
            if on_progress and received.equity is not None and now != last_shown:
                last_shown = now
                on_progress(
                    Progress(received.bars_done, len(job.bars), received.equity, received.line)
                )

        if len(job.bars) == 0:
            return Verdict("failed", RunError("data_error", "there are no bars to run on"))
        document = {**_document(job), "task": "run"}
        with self._bars.descriptor(job.bars) as bars_fd:
            outcome = self._run(
                document, job, bars_fd, job.limits, on_frames=show, cancelled=cancelled
            )
        if isinstance(outcome, RunError):
            return Verdict("failed", outcome)
        return verdict_of(job, outcome)

    def run_sets(
        self,
        job: Job,
        params: Sequence[Mapping[str, ParamValue]],
        *,
        on_set: Callable[[SetResult], None],
        on_progress: Callable[[SetsProgress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> SetsOutcome:
        """Run `job` once for each item of `params`, which goes over the job's own parameters.

        Each set comes out as a single run with its parameters would, to the byte, whatever ran
        before it, and is told to `on_set` in the order of the list, from this thread, as soon as
        it has been replayed. `job.limits` are each set's own. A set that fails fails alone.
        To go on after a stop call again with the rest of the list; the outcome says how many
        sets were done. Parameters that no configuration can have raise ValidationError with
        `.fields` (`sets.3`) before anything runs; names that the strategy has not fail each set.
        The look-ahead check is not made. `on_progress` is called at most ten times a second.
        """
        if len(job.bars) == 0:
            return SetsOutcome("failed", RunError("data_error", "there are no bars to run on"))
        return SetRuns(job, params, self, on_set, on_progress, cancelled).run()

    def run_set_child(
        self,
        document: dict[str, Any],
        job: Job,
        limits: Limits,
        watch: SetWatch,
        cancelled: Callable[[], bool] | None,
    ) -> Outcome | RunError:
        """One child for `run_sets`, watched to its end; `limits` are those of all its sets."""
        with self._bars.descriptor(job.bars) as bars_fd:
            return self._run(document, job, bars_fd, limits, cancelled=cancelled, sets=watch)

    def check(self, source: str) -> CheckReport:
        """Whether `source` compiles, found out in a locked child; nothing of it is run."""
        return report_of(CHECK_LIMITS, self._checked(source, CHECK_LIMITS))

    def check_within(self, source: str, cpu_s: int) -> tuple[CheckReport | None, float]:
        """As `check`, with less time: the report, None when it came to that, and the time taken."""
        limits = replace(CHECK_LIMITS, cpu_s=min(cpu_s, CHECK_CPU_S))
        outcome = self._checked(source, limits)
        stopped = has_run_out(limits, outcome)
        return None if stopped else report_of(limits, outcome), outcome.cpu_s

    def _checked(self, source: str, limits: Limits) -> Outcome:
        outcome = self._run({"task": "check", "source": source}, None, None, limits)
        if isinstance(outcome, RunError):
            raise SandboxUnavailable(outcome.message)
        return outcome

    def diff(self, before: str, after: str) -> tuple[Group, ...] | None:
        """What changed from one text to the other, found out in a locked child.

        None where they differ in too many places for the time there is.
        """
        document = {"task": "diff", "before": before, "after": after}
        outcome = self._run(document, None, None, DIFF_LIMITS)
        if isinstance(outcome, RunError):
            raise SandboxUnavailable(outcome.message)
        return groups_of(DIFF_LIMITS, outcome, len(before.splitlines()), len(after.splitlines()))

    def check_lookahead(
        self,
        job: Job,
        orders: npt.NDArray[Any],
        trades: npt.NDArray[Any] | None = None,
        *,
        cancelled: Callable[[], bool] | None = None,
        run_cpu_s: float = math.inf,
    ) -> Lookahead:
        """Whether the completed run whose order calls are given does the same without its future.

        `trades` are the rows that a replay of the calls gives, made here when they are not given.
        One that needs many times the `run_cpu_s` that the whole run took is a difference.
        """
        check = job.config.lookahead_check
        if trades is None:
            trades = _replayed(job, orders)
        cuts = lookahead.choose_cuts(orders, trades, len(job.bars), check)
        more = lookahead.more_points(orders, trades, len(job.bars), check, cuts)

        def run(document: Mapping[str, Any], limits: Limits, talk: Talk) -> Outcome | RunError:
            return self._run(dict(document), job, None, limits, cancelled=cancelled, talk=talk)

        if check is LookaheadCheck.FULL:
            return rechecks.blind(job, orders, cuts, run, more)
        if check is LookaheadCheck.SAMPLE:
            return rechecks.sample(job, orders, cuts, run, run_cpu_s, more)
        return Lookahead()

    def memory(
        self, own_mb: int, child_mb: int = 0, cancelled: Callable[[], bool] | None = None
    ) -> AbstractContextManager[bool]:
        """Room for what this process does with a run, and for one child at a time beside it."""
        return self._admission.held(own_mb, child_mb, cancelled)

    # --- its condition -------------------------------------------------------------------------
    @property
    def layers(self) -> dict[str, bool | str]:
        """The layers that a child gets on this machine, by name."""
        try:
            with self._servers.lent() as server:
                facts = server.facts
        except ServerLost as error:
            return {"fork_server": str(error)}
        abi = facts["landlock_abi"]
        return {
            "seccomp": bool(facts["seccomp"]),
            "landlock": f"ABI {abi}" if abi else False,
            "own_user_id": bool(facts["uid_pool"]),
            "no_new_privileges": True,
            "not_dumpable": True,
            "resource_limits": True,
            "sealed_inputs": True,
            "verified_code": version_warning() or True,
            "machine": _MACHINES.get(kernel.MACHINE, kernel.MACHINE),
            "level": self._level,
        }

    @property
    def refusal(self) -> str | None:
        """Why no strategy is run on this machine; None when they are."""
        try:
            with self._servers.lent() as server:
                return self._refusal(server)
        except ServerLost as error:
            return str(error)

    def probe(self) -> list[str]:
        """Attack this machine's room through real children; what got through, in words."""
        return probing.failures(self._probe_once)

    def close(self) -> None:
        """End the fork server and, with it, every child."""
        self._servers.close()
        self._bars.clear()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- one child -----------------------------------------------------------------------------
    def _run(
        self,
        document: dict[str, Any],
        job: Job | None,
        bars_fd: int | None,
        limits: Limits,
        *,
        on_frames: Callable[[wire.Received], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        talk: Talk | None = None,
        sets: SetWatch | None = None,
    ) -> Outcome | RunError:
        """The outcome of one child, after another try when the first was interrupted.

        One that runs sets is not tried again from here: it may have got some of them done.
        """
        admission = self._admission if job else self._check_admission
        with admission.admitted(limits.memory_mb, cancelled) as admitted:
            if not admitted:
                return Outcome("cancelled", wire.Received())
            job_fd = sealed_job(document, job.funding if job and talk is None else None)
            try:
                order = Order(
                    job_fd,
                    limits,
                    wire.FLAG_SETS if sets else 0,
                    len(job.bars) if job else 0,
                    bars_fd,
                    reports_limits=talk is None,
                    max_result_bytes=MAX_RESULT_BYTES * (SETS_PER_CHILD if sets else 1),
                )
                for attempt in range(_ATTEMPTS):
                    outcome = self._once(order, on_frames, cancelled, talk, sets)
                    if isinstance(outcome, RunError) or not _interrupted(outcome, limits) or sets:
                        break
                    if attempt + 1 < _ATTEMPTS and cancelled and cancelled():
                        break
                return outcome
            finally:
                os.close(job_fd)

    def _once(
        self,
        order: Order,
        on_frames: Callable[[wire.Received], None] | None,
        cancelled: Callable[[], bool] | None,
        talk: Talk | None = None,
        sets: SetWatch | None = None,
    ) -> Outcome | RunError:
        try:
            with self._servers.lent() as server:
                refusal = self._refusal(server)
                if refusal:
                    return RunError("internal", refusal)
                flags = wire.FLAG_SECCOMP if server.facts["seccomp"] else 0
                flags |= wire.FLAG_LANDLOCK if server.facts["landlock_abi"] else 0
                outcome = run_child(
                    server,
                    replace(order, flags=order.flags | flags),
                    on_frames=sets.on_frames if sets else on_frames,
                    cancelled=cancelled,
                    talk=talk,
                    reader=sets.reader if sets else None,
                    overdue=sets.overdue if sets else None,
                )
                if outcome.server_odd:
                    self._servers.retire(server)
                return outcome
        except ServerLost as error:
            kind: ErrorKind = "interrupted" if self._servers.closed else "internal"
            return RunError(kind, f"the sandbox could not start: {error}")

    def _probe_once(self, document: dict[str, Any]) -> Outcome | RunError:
        return self._run({**document, "task": "probe"}, None, None, PROBE_LIMITS)

    def _refusal(self, server: Server) -> str | None:
        if self._level == "degraded":
            return None
        missing = [
            name
            for name, there in (
                ("seccomp", server.facts["seccomp"]),
                ("Landlock", server.facts["landlock_abi"]),
            )
            if not there
        ]
        if not missing:
            return None
        return f"this machine lacks {' and '.join(missing)}, so that no strategy is run here"


class SandboxUnavailable(RuntimeError):
    """No child can be run on this machine now; the message says why."""


def _replayed(job: Job, orders: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The trade rows of order calls; none where the calls are not those of an honest run."""
    try:
        return replay(job.config, job.bars, job.funding, orders, len(job.bars)).trades
    except ReplayError:
        return np.empty(0, TRADE_DTYPE)


def _interrupted(outcome: Outcome, limits: Limits) -> bool:
    # Who outlives the signal of the processor limit is killed by the kernel: no accident.
    killed = killed_from_outside(outcome) and outcome.cpu_s < limits.cpu_s
    return outcome.end == "server_lost" or killed


def _document(job: Job) -> dict[str, Any]:
    return {
        "source": job.source,
        "symbol": job.bars.symbol,
        "config": job.config.to_document(),
    }
