"""What a run's order calls earned: played again out here, where no strategy can reach.

Everything that is shown of a run comes from this. A child whose own fills differ, or whose order
calls no honest run can have made, has committed a security violation.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from engine.account.fingerprint import fills_digest
from engine.analysis.results import BacktestResults
from engine.run.replay import ReplayError, ReplayGivenUp, replay
from sandbox.job import Job, RunError, Verdict

log = logging.getLogger(__name__)

FORGED = "The run's own account of its trades differs from what its orders make of the bars."


def replayed(job: Job, verdict: Verdict) -> tuple[BacktestResults | None, RunError | None]:
    """What the verdict's order calls earned, and the error that the run ends with, if any.

    A run that ended by an exception says with its fingerprint how many fills it saw in the bar
    that it did not finish; one that was stopped from outside counts whole bars only. The replay
    may take as much processor time as the run, which did the same work. Raises CalculationError.
    """
    error = verdict.error
    if error is not None and error.kind in ("security_violation", "internal", "rejected_code"):
        return None, error
    if verdict.bars_done == 0 and not len(verdict.orders):
        return None, error
    rows = None
    if verdict.status == "failed" and verdict.fills_digest:
        rows = int.from_bytes(verdict.fills_digest[:8], "little")
    until_s = time.thread_time() + job.limits.cpu_s
    try:
        ledger = replay(
            job.config,
            job.bars,
            job.funding,
            verdict.orders,
            verdict.bars_done,
            rows,
            give_up=lambda: time.thread_time() >= until_s,
        )
    except ReplayGivenUp:
        limit = f"{job.limits.cpu_s:,} s of processor time (the limit)"
        return None, RunError("cpu_limit", f"stopped: entering its orders again took {limit}")
    except ReplayError as problem:
        log.warning("forged_orders backtest_id=%s problem=%s", job.job_id, problem)
        return None, RunError("security_violation", f"{FORGED} ({problem})")
    claimed = verdict.fills_digest
    if (verdict.status == "completed" or claimed) and claimed != fills_digest(ledger.trades):
        log.warning("forged_fills backtest_id=%s", job.job_id)
        return None, RunError("security_violation", FORGED)
    if ledger.n_bars == 0 and not len(ledger.orders):
        return None, error  # Stopped in its first bar: what it did there is not known.
    ledger.plots.update(verdict.plots)
    ledger = replace(
        ledger,
        dropped_points=verdict.dropped_points,
        indicator_wait_bars=verdict.indicator_wait_bars,
    )
    return BacktestResults.build(job.config, job.bars, ledger, verdict.wall_s), error
