"""What many parameter sets cost in one child, beside as many single runs: CPU seconds.

Rounds of the whole sweep and of every tenth set by itself take turns. Each set is replayed with all
its metrics; of every tenth the trades and the metrics must be those of the single run. Sets that
are run once more alone are counted. The fork server's start is not.
"""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import Any

from sandbox.client import Sandbox
from sandbox.job import Job
from sandbox.outside.replaying import replayed
from sandbox.sets import SetResult
from tests.benchmarks.bars import minute_bars
from tests.benchmarks.measure import Stopwatch, spread, table, target
from tests.benchmarks.native import config_of
from tests.benchmarks.workloads import WORKLOADS

BARS = 100_000
SETS = [{"fast": 5 + 3 * n, "slow": 40 + 10 * m} for n in range(10) for m in range(10)]
ROUNDS = 3
MAX_CPU_S = 4.5
EVERY = 10


def main() -> None:
    bars = minute_bars(BARS)
    workload = WORKLOADS["A"]
    job = Job("bench", workload.source, config_of(workload, bars), bars)
    together, alone = [], []
    with Sandbox() as sandbox:
        assert sandbox.run(job).status == "completed"
        for _ in range(ROUNDS):
            with Stopwatch() as watch:
                results = swept(sandbox, job)
            together.append(watch.cpu_s)
            with Stopwatch() as watch:
                singles = {
                    number: single(sandbox, job, number) for number in list(results)[::EVERY]
                }
            alone.append(watch.cpu_s * EVERY)
            for number, seen in singles.items():
                assert results[number] == seen, number
    rows = [
        [
            f"{len(SETS)} sets in one call",
            spread(together, ".2f"),
            target(statistics.median(together), MAX_CPU_S, ".2f"),
        ],
        [f"as single runs, from {len(SETS) // EVERY} of them", spread(alone, ".2f"), ""],
    ]
    table([f"{BARS:,} 1m bars, replayed, all metrics", "CPU s", "target"], rows)


def swept(sandbox: Sandbox, job: Job) -> dict[int, Any]:
    seen: dict[int, Any] = {}

    def take(result: SetResult) -> None:
        assert result.metrics is not None, result.error
        seen[result.number] = (result.trades_digest, timeless(result.metrics))

    outcome = sandbox.run_sets(job, SETS, on_set=take)
    assert outcome.status == "completed", outcome.error
    return seen


def single(sandbox: Sandbox, job: Job, number: int) -> Any:
    job = replace(job, config=replace(job.config, params={**job.config.params, **SETS[number]}))
    verdict = sandbox.run(job)
    results, error = replayed(job, verdict)
    assert results is not None, error
    return verdict.fills_digest.hex(), timeless(results.metrics)


def timeless(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if name != "duration_seconds"}
