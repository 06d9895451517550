"""The engine as users get it, in the sandbox, beside other engines in the same session.

Every round runs every engine once, in rotated order, so that what else the machine does hits all
of them; ratios are of medians of CPU seconds, which move far less than wall time does.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.analysis.results import BacktestResults
from engine.bars import Bars
from engine.enums import LookaheadCheck
from engine.run.replay import replay
from sandbox.client import Sandbox
from sandbox.job import Job, Verdict
from tests.benchmarks import measure
from tests.benchmarks.bars import YEAR_BARS, hour_bars, minute_bars, save
from tests.benchmarks.measure import Stopwatch, descendants, memory_kb, spread, table, target
from tests.benchmarks.native import config_of
from tests.benchmarks.workloads import NOTHING, WAITS, WORKLOADS, Workload

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / ".bench"
PEERS = ROOT / "tests/benchmarks/peers"
# backtesting.py does a year in seconds; the others are measured on less and compared per bar.
PEER_BARS = {"backtesting": YEAR_BARS, "nautilus": 100_000, "backtrader": 100_000}
PEER_PACKAGES = {
    "backtesting": "backtesting==0.6.6",
    "nautilus": "nautilus_trader==1.221.0",
    "backtrader": "backtrader==1.9.78.123",
}
TIMES_FASTER = {"backtesting": 15, "nautilus": 80, "backtrader": 150}
# The same decisions as A's, and what they may cost beside it.
IN_OTHER_WORDS = {"A by subscript": 1.1, "A by indicators": 1.1}
ROUNDS = 3
# Enough for a child to start, compile and meet its first bars: what a run costs besides bars.
FEW_BARS = 60
GROWTH = (10_000, 100_000, YEAR_BARS, 5 * YEAR_BARS)
SMALL_RUNS = 40

Times = dict[str, list[dict[str, float]]]


def main() -> None:
    python = peers_python()
    year = minute_bars(YEAR_BARS)
    save(year, BENCH / "bars.npz")
    with Sandbox() as sandbox:
        run(sandbox, WORKLOADS["A"], minute_bars(FEW_BARS))
        loops = {
            name: beside_others(sandbox, python, WORKLOADS[name], year) for name in ("A", "B", "D")
        }
        print(f"D's loop over A's: {target(loops['D'] / loops['A'], 1.3, '.2f')}")
        layers_of_cost(year)
        growth(sandbox)
        small_runs(sandbox)
        idle_child(sandbox)


def peers_python() -> Path:
    """Returns the Python of the peers' own environment, made by name on first use."""
    python = BENCH / "peers" / "bin" / "python"
    stamp = BENCH / "peers" / ".installed"
    if not stamp.exists():
        print("Installing the other engines into .bench (once)", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(BENCH / "peers")], check=True)
        install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
        subprocess.run([*install, *PEER_PACKAGES.values()], check=True)
        stamp.touch()
    return python


# --- beside other engines ----------------------------------------------------------------------
def beside_others(sandbox: Sandbox, python: Path, workload: Workload, year: Bars) -> float:
    """Measures and shows the workload everywhere; returns our loop's median CPU seconds."""
    measure.heading(f"{workload.name}: {workload.title}, {ROUNDS} interleaved rounds")
    contenders: dict[str, Callable[[], dict[str, float]]] = {
        "ours": lambda: ours(sandbox, workload, year)
    }
    if workload.name in ("A", "B"):
        for name in PEER_BARS:
            contenders[name] = lambda name=name: peer(python, name, workload)
    times: Times = defaultdict(list)
    names = list(contenders)
    for turn in range(ROUNDS):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            times[name].append(contenders[name]())
    show_ours(workload, times["ours"])
    if len(times) > 1:
        show_peers(times)
    return statistics.median(entry["loop_s"] for entry in times["ours"])


def ours(sandbox: Sandbox, workload: Workload, year: Bars) -> dict[str, float]:
    """Returns CPU seconds: of the loop in the child, and of everything with and without check."""
    start = run(sandbox, workload, year.slice(0, FEW_BARS))
    with Stopwatch() as plain:
        verdict, results = whole(sandbox, job_of(workload, year))
    with Stopwatch() as checked:
        whole(sandbox, job_of(workload, year, lookahead_check=LookaheadCheck.SAMPLE))
    return {
        "loop_s": verdict.cpu_s - start.cpu_s,
        "whole_s": plain.cpu_s,
        "checked_s": checked.cpu_s,
        "after_s": plain.cpu_s - verdict.cpu_s,
        "child_mb": (verdict.max_rss_kb - start.max_rss_kb) / 1024,
        "equity": float(results.columns.portfolio_value[-1]),
        "trades": len(results.ledger.trades),
        "equity_100k": float(results.columns.portfolio_value[99_999]),
    }


def peer(python: Path, name: str, workload: Workload) -> dict[str, float]:
    command = [python, PEERS / f"run_{name}.py", BENCH / "bars.npz", workload.name, PEER_BARS[name]]
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, check=True)
    report: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return report


def show_ours(workload: Workload, times: list[dict[str, float]]) -> None:
    def of(key: str) -> list[float]:
        return [entry[key] for entry in times]

    per_bar = [1e9 * seconds / YEAR_BARS for seconds in of("loop_s")]
    rows = [
        ("strategy loop in the sandbox child, CPU s", spread(of("loop_s"))),
        ("the same, ns a bar", spread(per_bar, ".0f")),
        (
            "after the loop (replay, accounting, metrics, files), CPU s",
            target(statistics.median(of("after_s")), 1.0, ".2f"),
        ),
        ("whole run, CPU s", spread(of("whole_s"))),
        ("whole run with the look-ahead check, CPU s", spread(of("checked_s"))),
        (
            "child's memory above a short run's, MB",
            target(statistics.median(of("child_mb")), 120),
        ),
        ("fills, final equity", f"{times[0]['trades']:.0f}, {times[0]['equity']:,.2f}"),
        # The other engines' final equity on as many bars: the same to the cent is the same work.
        ("equity after 100,000 bars", f"{times[0]['equity_100k']:,.2f}"),
    ]
    table(["ours, a year of 1m bars", "median (lowest to highest)"], rows)


def show_peers(times: Times) -> None:
    def per_bar(key: str) -> float:
        return statistics.median(entry[key] for entry in times["ours"]) / YEAR_BARS

    rows = []
    for name in PEER_BARS:
        seconds = [entry["cpu_s"] for entry in times[name]]
        theirs = statistics.median(seconds) / PEER_BARS[name]
        rows.append(
            (
                PEER_PACKAGES[name].replace("==", " "),
                f"{PEER_BARS[name]:,}",
                spread(seconds, ".2f"),
                f"{1 / theirs:,.0f}",
                measure.at_least(theirs / per_bar("loop_s"), TIMES_FASTER[name], ".1f"),
                f"{theirs / per_bar('whole_s'):.1f}",
                f"{theirs / per_bar('checked_s'):.1f}",
                f"{times[name][0]['trades']:.0f}, {times[name][0]['equity']:,.2f}",
            )
        )
    header = ["engine", "bars", "CPU s", "bars a CPU s", "our loop is x faster"]
    header += ["our whole run", "with the check", "trades, final equity"]
    table(header, rows)


# --- one run, all of it ------------------------------------------------------------------------
def job_of(workload: Workload, bars: Bars, **changes: Any) -> Job:
    return Job("bench", workload.source, config_of(workload, bars, **changes), bars)


def run(sandbox: Sandbox, workload: Workload, bars: Bars, **changes: Any) -> Verdict:
    """Returns the verdict of a run that must have completed."""
    verdict = sandbox.run(job_of(workload, bars, **changes))
    assert verdict.status == "completed", verdict.error
    return verdict


def whole(sandbox: Sandbox, job: Job) -> tuple[Verdict, BacktestResults]:
    """Everything between a request and its stored result, without the database."""
    verdict = sandbox.run(job)
    assert verdict.status == "completed", verdict.error
    ledger = replay(job.config, job.bars, job.funding, verdict.orders, verdict.bars_done)
    if job.config.lookahead_check != LookaheadCheck.OFF:
        assert sandbox.check_lookahead(job, verdict.orders).passed is not False
    results = BacktestResults.build(job.config, job.bars, ledger, verdict.wall_s)
    with tempfile.TemporaryDirectory() as folder:
        for name, pieces in results.files().items():
            with open(Path(folder) / name, "wb") as file:
                file.writelines(pieces)
    return verdict, results


# --- where the time goes -----------------------------------------------------------------------
def layers_of_cost(year: Bars) -> None:
    """The bare callback, the engine around it, the policy on top: each in a fresh process."""
    measure.heading("Layers of the loop, ns a bar (no sandbox, fresh process each)")
    tasks = [
        (kind, name, futures)
        for name in ("A", "B", "D")
        for futures in ((False, True) if name == "A" else (True,))
        for kind in ("floor", "native", "policy")
    ]
    tasks += [("policy", name, False) for name in IN_OTHER_WORDS]
    seconds: dict[tuple[str, str, bool], list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        for kind, name, futures in tasks:
            command = [sys.executable, "-m", "tests.benchmarks.native", kind, name, str(YEAR_BARS)]
            command += ["--futures"] if futures else []
            done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
            seconds[kind, name, futures].append(json.loads(done.stdout)["cpu_s"])
    rows = []
    for name, futures, bound in (
        ("A", False, 330),
        ("A", True, 380),
        ("B", True, 380),
        ("D", True, None),
    ):
        floor, native, policy = (
            statistics.median(seconds[kind, name, futures]) * 1e9 / YEAR_BARS
            for kind in ("floor", "native", "policy")
        )
        over = policy - floor
        rows.append(
            (
                f"{name}, {'futures' if futures else 'spot'}",
                f"{floor:.0f}",
                f"{native:.0f}",
                f"{policy:.0f}",
                target(over, bound) if bound else f"{over:.0f}",
                target(policy / native, 1.1, ".2f") if name == "A" else f"{policy / native:.2f}",
            )
        )
    header = ["workload", "bare callback", "engine, native code", "engine, policy"]
    table([*header, "policy over callback", "policy / native"], rows)
    own = statistics.median(seconds["policy", "A", False])
    table(
        ["A, spot, policy, in other words", "of its cost by attributes and running sums"],
        [
            (name, target(statistics.median(seconds["policy", name, False]) / own, bound, ".2f"))
            for name, bound in IN_OTHER_WORDS.items()
        ],
    )


# --- growth ------------------------------------------------------------------------------------
def growth(sandbox: Sandbox) -> None:
    measure.heading("Growth, workload A")
    workload = WORKLOADS["A"]
    few = run(sandbox, workload, minute_bars(FEW_BARS))
    rows = []
    for count in GROWTH:
        bars = minute_bars(count)
        with Stopwatch() as watch:
            verdict, _ = whole(sandbox, job_of(workload, bars))
        loop_ns = 1e9 * (verdict.cpu_s - few.cpu_s) / count
        held = 1024 * (verdict.max_rss_kb - few.max_rss_kb)
        rows.append(
            (
                f"{count:,}",
                f"{watch.cpu_s:.2f}",
                f"{1e9 * watch.cpu_s / count:.0f}",
                f"{loop_ns:.0f}",
                f"{held / count:.0f}",
                f"{held / 2**20:.0f}",
            )
        )
    header = ["bars", "whole run, CPU s", "whole run, ns a bar", "loop, ns a bar"]
    table([*header, "child, bytes a bar", "child above a short run, MB"], rows)


# --- small runs --------------------------------------------------------------------------------
def small_runs(sandbox: Sandbox) -> None:
    """A week of 1h bars from request to stored result, and the wait for a first bar."""
    measure.heading("Small runs with a warm fork server")
    workload, week = WORKLOADS["A"], hour_bars(7 * 24)
    cpu_ms = {}
    for check in (LookaheadCheck.OFF, LookaheadCheck.SAMPLE):
        job = job_of(workload, week, lookahead_check=check)
        whole(sandbox, job)
        with Stopwatch() as watch:
            for _ in range(SMALL_RUNS):
                whole(sandbox, job)
        cpu_ms[check] = 1000 * watch.cpu_s / SMALL_RUNS
    nothing = replace(workload, source=NOTHING)
    waits = []
    for _ in range(SMALL_RUNS):
        start = time.perf_counter()
        run(sandbox, nothing, week.slice(0, 1))
        waits.append(1000 * (time.perf_counter() - start))
    rows = [
        ("a week of 1h bars, CPU ms", target(cpu_ms[LookaheadCheck.OFF], 60, ".1f")),
        ("the same with the check, CPU ms", target(cpu_ms[LookaheadCheck.SAMPLE], 120, ".1f")),
        ("request to verdict on one bar, wall ms", target(statistics.median(waits), 40, ".1f")),
    ]
    table(["what", f"over {SMALL_RUNS} runs"], rows)


def idle_child(sandbox: Sandbox) -> None:
    """Private memory of a child in its first bar: its strategy compiled, no bars to speak of."""
    measure.heading("Memory of a child in its first bar")
    job = job_of(replace(WORKLOADS["A"], source=WAITS), minute_bars(1))
    before, done = set(descendants(os.getpid())), threading.Event()
    thread = threading.Thread(target=sandbox.run, args=(job,), kwargs={"cancelled": done.is_set})
    thread.start()
    try:
        private = _when_settled(before)
    finally:
        done.set()
        thread.join()
    table(["what", "MB"], [("private memory", private)])


def _when_settled(before: set[int]) -> str:
    """The reading once it no longer changes: the child has started and spins on its only bar."""
    last = None
    for _ in range(100):
        time.sleep(0.1)
        for pid in set(descendants(os.getpid())) - before:
            try:
                now = memory_kb(pid, "Private_Clean", "Private_Dirty")
            except PermissionError:
                return "can be read by root only: the child is not dumpable"
            except OSError:
                continue
            if now == last:
                return f"{now / 1024:.1f}"
            last = now
    return "did not settle"
