"""What the room costs: starting it, a child, its memory, and ending what will not end."""

from __future__ import annotations

import os
import statistics
import threading
import time
from pathlib import Path

from engine.config import BacktestConfig
from sandbox.client import Sandbox
from sandbox.job import Job, Limits
from tests.benchmarks.measure import heading, percentile, table, target
from tests.sandbox import native
from tests.sandbox.conftest import make_bars

RUNS = 60
MAX_FIRST_BAR_MS = 40.0
MAX_IDLE_PRIVATE_MB = 5.0
STRATEGY = "class First(Strategy):\n    def on_data(self, data):\n        self.buy(0.1)\n"
ENDLESS = "import signal, time\nprint('started')\nwhile True: pass\n"


def main() -> None:
    heading("the room")
    started = time.perf_counter()
    with Sandbox() as sandbox:
        assert sandbox.refusal is None
        warm_s = time.perf_counter() - started
        wall_ms, cpu_ms = one_bar_runs(sandbox)
    rows = [
        ["fork server, started and warm, s", f"{warm_s:.2f}"],
        [
            "request to the verdict on one bar, median ms",
            target(statistics.median(wall_ms), MAX_FIRST_BAR_MS, ".1f"),
        ],
        ["the same, 95th percentile ms", f"{percentile(wall_ms, 95):.1f}"],
        ["its child's processor time, median ms", f"{statistics.median(cpu_ms):.1f}"],
        ["a locked child that idles, private MB", idle_private()],
        ["wall limit to the end of a child that computes, median ms", f"{kill_ms():.1f}"],
    ]
    table(["what", "measured"], rows)
    native.close()


def one_bar_runs(sandbox: Sandbox) -> tuple[list[float], list[float]]:
    """Wall and processor ms of whole runs over one bar: more than what passes until that bar."""
    document = {
        "symbol": "BTCUSDT",
        "timeframe": "1m",
        "start_date": "2023-01-01",
        "end_date": "2023-01-01",
    }
    config = BacktestConfig.from_document(document)
    job = Job("bench", STRATEGY, config, make_bars(1), limits=Limits(memory_mb=256))
    wall_ms, cpu_ms = [], []
    for _ in range(RUNS):
        began = time.perf_counter()
        verdict = sandbox.run(job)
        wall_ms.append((time.perf_counter() - began) * 1000)
        cpu_ms.append(verdict.cpu_s * 1000)
        assert verdict.status == "completed", verdict.error
    return wall_ms, cpu_ms


def idle_private() -> str:
    """Private memory of a child that has locked itself in and waits. Needs root to be read."""
    if os.getuid() != 0:
        return "only root can read it"
    megabytes: list[float] = []

    def wait() -> None:
        native.run_native("import time; time.sleep(3)", **limits(wall_s=10.0))

    server = native.server_pid()
    thread = threading.Thread(target=wait)
    thread.start()
    children = Path(f"/proc/{server}/task/{server}/children")
    while not (pids := children.read_text().split()):
        time.sleep(0.01)
    time.sleep(1.0)
    for line in Path(f"/proc/{pids[0]}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in ("Private_Clean", "Private_Dirty"):
            megabytes.append(int(rest.split()[0]) / 1024)
    thread.join()
    return target(sum(megabytes), MAX_IDLE_PRIVATE_MB, ".1f")


def kill_ms() -> float:
    """Median time beyond the wall limit until the supervisor has the child's end."""
    wall_s = 0.2
    over = [native.run_native(ENDLESS, **limits(wall_s=wall_s)).wall_s - wall_s for _ in range(5)]
    return statistics.median(over) * 1000


def limits(wall_s: float) -> dict[str, object]:
    return {"wall_s": wall_s, "cpu_s": 5, "memory_mb": 64, "max_log_bytes": 4096}
