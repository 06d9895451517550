"""The service under load, on loopback: long results, many watchers, a thousand short runs."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from pathlib import Path
from typing import Any

from engine.history.cache_space import CacheSpace
from engine.history.store import Store as MarketStore
from sandbox.client import Sandbox
from server.charts.run_tables import SeriesCache
from server.jobs.execution import RunRequest
from server.jobs.executor import Finished, Job
from server.jobs.local_executor import LocalExecutor
from server.storage.artifacts import Artifacts, new_backtest_id
from server.storage.db import now_ms
from tests.benchmarks.bars import START_MS, YEAR_BARS, minute_bars, write_daily_files
from tests.benchmarks.hostile import one_hostile_account
from tests.benchmarks.measure import (
    at_least,
    heading,
    memory_kb,
    percentile,
    spread,
    table,
    target,
    tree_cpu_s,
)
from tests.benchmarks.native import config_of
from tests.benchmarks.service import Account, Connection, Service
from tests.benchmarks.workloads import WATCHED, WORKLOADS

BENCH = Path(__file__).resolve().parents[2] / ".bench"
VIEWS = 40
WATCHERS = 50
WATCHED_S = 15.0
USERS = 10
SHORT_RUNS = 1000
BATCH = 50
DIRECT_RUNS = 200
YEAR = {"start_date": "2023-01-01", "end_date": "2023-12-31", "timeframe": "1m"}
WEEK = {"start_date": "2023-03-01", "end_date": "2023-03-07", "timeframe": "1h"}
# What htmx sends: the answer is a part of the page.
PARTIAL = {"HX-Request": "true"}
PLAIN = {"symbol": "BTCUSDT", "lookahead_check": "off", "initial_capital": 1e9}


def main() -> None:
    data = market_data()
    with Service(BENCH / "service", data) as service:
        alice = service.account("alice")
        views_of_a_year(service, alice)
        watchers(service)
        short_runs(service, data)
        one_hostile_account(service, request(WORKLOADS["A"].source, WEEK))


def market_data() -> Path:
    """Returns a folder with the seeded year as daily files, made on first use."""
    folder = BENCH / "data"
    stamp = folder / ".written"
    if not stamp.exists():
        write_daily_files(minute_bars(YEAR_BARS), folder)
        stamp.touch()
    return folder


def request(source: str, dates: dict[str, str], **changes: Any) -> dict[str, Any]:
    return PLAIN | dates | {"strategy_code": source} | changes


# --- a long result -----------------------------------------------------------------------------
def views_of_a_year(service: Service, alice: Account) -> None:
    heading(f"Views of a run of {YEAR_BARS:,} bars, one after the other")
    start = time.perf_counter()
    accepted = service.post("/api/backtest", alice.api, request(WORKLOADS["A"].source, YEAR))
    service.wait_until_ended(1)
    took = time.perf_counter() - start
    run = accepted["backtest_id"]
    month = f"start={START_MS}&end={START_MS + 30 * 86_400_000}"
    paths = {
        "the result page": (f"/backtests/{run}", alice.browser),
        "its refreshed part": (f"/backtests/{run}/progress", alice.browser | PARTIAL),
        "its round trips": (f"/backtests/{run}/trips", alice.browser),
        "the chart's data, whole": (f"/backtests/{run}/chart.json", alice.browser),
        "the chart's data, a month": (f"/backtests/{run}/chart.json?{month}", alice.browser),
        "GET /api/backtest/{id}": (f"/api/backtest/{run}", alice.api),
        "GET /api/data/history, 10,000 bars": (
            "/api/data/history?symbol=BTCUSDT&timeframe=1m&start_date=2023-01-01"
            "&end_date=2023-12-31&limit=10000",
            alice.api,
        ),
    }
    rows = []
    for name, (path, headers) in paths.items():
        cpu = tree_cpu_s(service.process.pid)
        answers = [service.get(path, headers) for _ in range(VIEWS)]
        assert {answer.status for answer in answers} == {200}, (path, answers[0])
        cpu_ms = 1000 * (tree_cpu_s(service.process.pid) - cpu) / VIEWS
        times = [answer.wall_ms for answer in answers]
        p95 = percentile(times, 95)
        rows.append(
            (
                name,
                f"{statistics.median(times):.0f}",
                target(p95, 60) if path.startswith("/backtests/") else f"{p95:.0f}",
                f"{cpu_ms:.0f}",
                f"{len(answers[0].body) / 1024:.0f}",
            )
        )
    table(["view", "median ms", "p95 ms", "server CPU ms", "KB"], rows)
    print(f"The run itself, request to stored result: {took:.1f} s")


# --- many watchers -----------------------------------------------------------------------------
def watchers(service: Service) -> None:
    heading(f"{WATCHERS} people polling for {WATCHED_S:.0f} s while 2 runs execute")
    people = [service.account(f"watcher{i}") for i in range(WATCHERS)]
    before = service.ended()
    for person in people:
        body = request(WORKLOADS["A"].source, WEEK)
        service.post("/api/backtest", person.api, body)
    service.wait_until_ended(before + WATCHERS)
    runs = [
        json.loads(service.get("/api/backtest?limit=1", person.api).body)["items"][0]
        for person in people
    ]
    busy = [
        service.post("/api/backtest", person.api, request(WATCHED, YEAR)) for person in people[:2]
    ]
    watched = [f"/backtests/{run['backtest_id']}/progress" for run in (*busy, *runs[2:])]
    times, failed = asyncio.run(_watch(service, people, watched))
    still = [
        json.loads(service.get(f"/api/backtest/{run['backtest_id']}", person.api).body)["status"]
        for run, person in zip(busy, people, strict=False)
    ]
    for run, person, status in zip(busy, people, still, strict=False):
        if status in ("queued", "running"):
            service.post(f"/api/backtest/{run['backtest_id']}/cancel", person.api, {})
    rows = [
        ("requests", len(times)),
        ("median, ms", f"{statistics.median(times):.0f}"),
        ("p95, ms", target(percentile(times, 95), 150)),
        ("failed requests", target(failed, 0)),
        ("the two runs at the end", ", ".join(still)),
    ]
    table(["what", "value"], rows)


async def _watch(
    service: Service, people: list[Account], watched: list[str]
) -> tuple[list[float], int]:
    """Each looks at a run's progress every second and at the list of runs every fourth time."""
    times: list[float] = []
    failed = 0

    async def one(person: Account, path: str, offset_s: float) -> None:
        nonlocal failed
        await asyncio.sleep(offset_s)
        connection = await Connection(service).open()
        end, turn = time.monotonic() + WATCHED_S, 0
        while time.monotonic() < end:
            turn += 1
            chosen = "/backtests" if turn % 4 == 0 else path
            headers = person.browser | (PARTIAL if chosen == path else {})
            answer = await connection.request("GET", chosen, headers)
            times.append(answer.wall_ms)
            failed += answer.status != 200
            await asyncio.sleep(1.0)
        connection.close()

    tasks = [
        one(person, path, i / len(people))
        for i, (person, path) in enumerate(zip(people, watched, strict=True))
    ]
    await asyncio.gather(*tasks)
    return times, failed


# --- a thousand short runs ---------------------------------------------------------------------
def short_runs(service: Service, data: Path) -> None:
    heading(f"{SHORT_RUNS:,} runs of a week of 1h bars by {USERS} users")
    people = [service.account(f"user{i}") for i in range(USERS)]
    source = WORKLOADS["A"].source
    # Before and after: what else the machine does in between weighs on both sides.
    direct = [directly(service, data)]
    before, start = service.ended(), time.perf_counter()
    for turn in range(SHORT_RUNS // (USERS * BATCH)):
        for person in people:
            items = [request(source, WEEK, seed=turn * BATCH + i) for i in range(BATCH)]
            service.post("/api/backtest/batch", person.api, {"items": items})
    service.wait_until_ended(before + SHORT_RUNS // 10)
    pids = service.processes()
    grown = {pid: -_private_mb(pid) for pid in pids}
    service.wait_until_ended(before + SHORT_RUNS)
    rate = SHORT_RUNS / (time.perf_counter() - start)
    for pid in pids:
        grown[pid] += _private_mb(pid)
    direct.append(directly(service, data))
    counted = service.store.rows("select status, count(*) as n from backtests group by status")
    rows = [
        ("through the service, runs a second", f"{rate:.1f}"),
        ("given to the worker directly, before and after", spread(direct, ".1f")),
        ("share of the direct rate, %", at_least(100 * rate / statistics.mean(direct), 80)),
        ("web process grew over the last 900, MB", target(grown[pids[0]], 20, ".1f")),
        ("worker process grew, MB", target(grown[pids[1]], 20, ".1f")),
        ("how all runs ended", ", ".join(f"{row['n']} {row['status']}" for row in counted)),
    ]
    table(["what", "value"], rows)


def directly(service: Service, data: Path) -> float:
    """Returns runs a second of the worker's own executor, without queue, accounts and web."""
    folder = BENCH / "direct"
    artifacts = Artifacts(folder)
    weekly = config_of(WORKLOADS["A"], minute_bars(1))
    config = type(weekly).from_document(weekly.to_document() | WEEK)
    slots = service.settings.workers
    with Sandbox() as sandbox:
        executor = LocalExecutor(
            sandbox,
            MarketStore(data, folder / "cache"),
            artifacts,
            SeriesCache(CacheSpace(folder / "cache"), artifacts),
            slots=slots,
            request_of=lambda job: RunRequest(
                job.backtest_id,
                WORKLOADS["A"].source,
                config,
                service.settings.run_limits,
                now_ms(),
            ),
        )
        _drive(executor, slots, slots)
        start = time.perf_counter()
        _drive(executor, DIRECT_RUNS, slots)
        rate = DIRECT_RUNS / (time.perf_counter() - start)
        executor.close()
    return rate


def _drive(executor: LocalExecutor, count: int, slots: int) -> None:
    """Keeps every slot busy until `count` runs have ended."""
    started = ended = 0
    while ended < count:
        while started < count and started - ended < slots:
            executor.submit(_job(started))
            started += 1
        ended += sum(isinstance(event, Finished) for event in executor.events(1.0))


def _job(number: int) -> Job:
    return Job(backtest_id=new_backtest_id(), attempt=1, tenant=number % USERS, payload_sha256="")


def _private_mb(pid: int) -> float:
    return memory_kb(pid, "Private_Clean", "Private_Dirty") / 1024
