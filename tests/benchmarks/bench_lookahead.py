"""What the look-ahead check costs beside the run that it checks: CPU seconds of both sides.

Runs and checks take turns, so that a slow minute of the machine slows them alike.
The fork server's start is not counted.
"""

from __future__ import annotations

import statistics
from collections import defaultdict

from engine.bars import Bars
from engine.enums import LookaheadCheck
from engine.run.replay import replay
from sandbox.client import Sandbox
from sandbox.job import Job
from tests.benchmarks.bars import minute_bars
from tests.benchmarks.measure import Stopwatch, spread, table, target
from tests.benchmarks.native import config_of
from tests.benchmarks.workloads import WORKLOADS

NAMES = ("A", "A by indicators", "B", "D")
BARS = 100_000
ROUNDS = 3
# A blind run may cost so many times the run, and so much for each bar.
TIMES_RUN, PER_BAR_S = 3.0, 8e-6


def main() -> None:
    bars = minute_bars(BARS)
    rows = []
    with Sandbox() as sandbox:
        assert sandbox.run(
            Job("start", WORKLOADS["A"].source, config_of(WORKLOADS["A"], bars), bars)
        )
        for name in NAMES:
            seconds = measured(sandbox, name, bars)
            run = statistics.median(seconds["run"])
            full = statistics.median(seconds["full"])
            bound = TIMES_RUN * run + PER_BAR_S * BARS
            rows.append(
                (
                    name,
                    spread(seconds["run"], ".2f"),
                    spread(seconds["sample"], ".2f"),
                    spread(seconds["full"], ".2f"),
                    f"{bound:.2f}",
                    target(full / bound, 1.0, ".2f"),
                )
            )
    header = [f"{BARS:,} 1m bars", "run, CPU s", "`sample` beside it", "`full` beside it"]
    table([*header, "3 x run + 8 us a bar", "`full` over that"], rows)


def measured(sandbox: Sandbox, name: str, bars: Bars) -> dict[str, list[float]]:
    """Returns CPU seconds of the run, and of each check beside it."""
    workload = WORKLOADS[name]
    jobs = {
        mode: Job("bench", workload.source, config_of(workload, bars, lookahead_check=mode), bars)
        for mode in (LookaheadCheck.SAMPLE, LookaheadCheck.FULL)
    }
    seconds: dict[str, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        job = jobs[LookaheadCheck.SAMPLE]
        with Stopwatch() as watch:
            verdict = sandbox.run(job)
        assert verdict.status == "completed", verdict.error
        seconds["run"].append(watch.cpu_s)
        trades = replay(job.config, job.bars, job.funding, verdict.orders, len(job.bars)).trades
        for mode, job in jobs.items():
            with Stopwatch() as watch:
                found = sandbox.check_lookahead(
                    job, verdict.orders, trades, run_cpu_s=verdict.cpu_s
                )
            assert found.passed, found
            seconds[str(mode)].append(watch.cpu_s)
    return seconds
