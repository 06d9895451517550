"""The worker: a process of its own beside the web process. It claims queued backtests, drives
the sandbox, replays the orders, computes the results, and stores files and verdict.

It lives exactly as long as the web process: the socket it inherits from it ends when that does.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import resource
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from engine.config import BacktestConfig
from engine.history.store import Store as MarketStore
from sandbox.client import Sandbox
from sandbox.job import CONCURRENT_CHECKS, CONCURRENT_SLOW_CHECKS
from server.accounts.disk import room_left, set_aside
from server.accounts.users import get_user
from server.backtests.retention import Retention
from server.backtests.usage import resident_bytes
from server.jobs import queue
from server.jobs.execution import RunRequest
from server.jobs.executor import Job
from server.jobs.judgement import judged
from server.jobs.local_executor import LocalExecutor
from server.jobs.rpc import Peer
from server.jobs.sandbox_notice import missing_locks
from server.jobs.scheduler import LOOK_EVERY_S, Scheduler
from server.services import cache_space, series_cache
from server.settings import Settings
from server.storage.artifacts import Artifacts
from server.storage.db import Store
from server.storage.reserve import Reserve
from server.strategies.check_reports import report_document

log = logging.getLogger(__name__)

RETRY_ROOM_S = 30.0
# Runs wait for a processor behind pages: a person looks at these.
NICENESS = 5


class Worker:
    """Everything the worker process owns."""

    def __init__(self, settings: Settings, link: socket.socket) -> None:
        self.settings = settings
        self.store = Store(settings.database)
        self.artifacts = Artifacts(settings.results_directory)
        self.sandbox = Sandbox(level=settings.sandbox_level, max_sealed_mb=settings.max_sealed_mb)
        self.room: dict[str, Any] = {"state": "starting", "reason": None, "layers": {}}
        self.space = cache_space(settings)
        self.market = MarketStore(
            settings.data_directory, settings.cache_directory, space=self.space
        )
        series = series_cache(self.space, self.store, self.artifacts)
        self.executor = LocalExecutor(
            self.sandbox,
            self.market,
            self.artifacts,
            series,
            slots=settings.workers,
            request_of=lambda job: request_of(self.store, settings, job, missing_locks(self.room)),
            still_wanted=lambda job: queue.in_force(self.store, job),
            room_left=self._room_left,
            stored=self._set_aside,
            memory=self.sandbox.memory,
            judged=lambda job, request, execution: judged(self.store, job, request, execution),
        )
        self.scheduler = Scheduler(self.store, settings, self.executor)
        self.retention = Retention(
            self.store,
            self.artifacts,
            series,
            Reserve(self.store),
            settings.retention_days,
        )
        self.stop = threading.Event()
        self.drain_s = 0.0
        checks = CONCURRENT_CHECKS + CONCURRENT_SLOW_CHECKS
        self.peer = Peer(link, self._answer, threads=checks + 2, on_lost=_die)

    def run(self) -> None:
        """Serve until told to stop."""
        self.peer.start()
        recovered = self._recover()
        self.artifacts.clean(self._has_row)
        self.space.remove_leftovers()
        self.space.make_room()
        self._open_room()
        while not self.stop.is_set():
            if not recovered:
                # Code is checked meanwhile; but nothing is started before the dead are counted.
                self.stop.wait(LOOK_EVERY_S)
                recovered = self._recover()
            elif self.room["state"] == "ready":
                self.scheduler.step()
                self.retention.step(time.monotonic())
            elif not self.stop.wait(RETRY_ROOM_S):
                # A machine that was out of memory at the start may not be any more.
                self._open_room()
        self.scheduler.drain(self.drain_s)
        self.sandbox.close()

    def _recover(self) -> bool:
        """Whether the runs that the service died under are back in the queue."""
        try:
            again = queue.recover(self.store)
        except sqlite3.Error as error:
            log.error("queue_unavailable error=%s", error)
            return False
        if again:
            log.warning("runs_requeued count=%d", len(again))
        return True

    def _has_row(self, backtest_id: str) -> bool:
        """Whether the backtest is still somebody's; unsure, it is."""
        try:
            return bool(self.store.value("select 1 from backtests where id = ?", backtest_id))
        except sqlite3.Error:
            return True

    def _open_room(self) -> None:
        """Warm the fork server and attack it once; strategies run only when it holds."""
        reason = self.sandbox.refusal
        if reason is None:
            holes = self.sandbox.probe()
            if holes:
                reason = "the sandbox does not hold on this machine: " + "; ".join(holes)
        state = "ready" if reason is None else "refused"
        self.room = {"state": state, "reason": reason, "layers": self.sandbox.layers}
        if reason is not None:
            log.error("sandbox_refused reason=%s", reason)
        self.peer.notify("room", room=self.room)

    def _answer(self, call: str, message: Mapping[str, Any]) -> Any:
        match call:
            case "wake":
                self.executor.nudge()
            case "cancel":
                self.executor.cancel(message["backtest_id"])
            case "check":
                report, cpu_s = self.sandbox.check_within(message["source"], message["cpu_s"])
                return {"report": report and report_document(report), "cpu_s": cpu_s}
            case "diff":
                return self.sandbox.diff(message["before"], message["after"])
            case "stats":
                return self._stats()
            case "stop":
                self.drain_s = float(message["drain_s"])
                self.stop.set()
                self.executor.nudge()
            case _:
                raise ValueError(f"there is no call {call!r}")
        return None

    def _stats(self) -> dict[str, Any]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "running": self.executor.running(),
            "slots": self.settings.workers,
            "room": self.room,
            "max_rss_kb": usage.ru_maxrss,
            "rss_bytes": resident_bytes(),
            "runs": self.scheduler.counts.document(),
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "bars": self.market.stats(),
        }

    def _room_left(self, job: Job) -> int | None:
        owner = get_user(self.store, job.tenant)
        if owner is None:
            return None
        return room_left(self.store, self.settings, owner, job.backtest_id)

    def _set_aside(self, job: Job, size: int) -> None:
        """What a run has stored counts at once, not only when its end is written down."""
        set_aside(self.store, job.backtest_id, size)


def request_of(
    store: Store, settings: Settings, job: Job, locks_missing: Sequence[str] = ()
) -> RunRequest:
    """What a job's hash stands for, to be run as this machine can. Raises KeyError."""
    row = store.row(
        "select p.body, s.body as source, t.created_at_ms, t.name, t.strategy_id,"
        " t.strategy_version from backtests t"
        " join blobs p on p.sha256 = t.payload_sha256"
        " join blobs s on s.sha256 = t.source_sha256 where t.id = ?",
        job.backtest_id,
    )
    if row is None:
        raise KeyError(job.backtest_id)
    payload = json.loads(row["body"])
    return RunRequest(
        job.backtest_id,
        row["source"],
        BacktestConfig.from_document(payload["config"]),
        settings.run_limits,
        row["created_at_ms"],
        tuple(locks_missing),
        {name: row[name] for name in ("name", "strategy_id", "strategy_version")},
        payload.get("defaults", {}),
    )


def main(settings: Settings, descriptor: int) -> int:
    """The worker process; `descriptor` is its end of the socket pair."""
    # Ctrl-C reaches the whole process group; the web process says when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(NICENESS)
    with only_one(settings):
        Worker(settings, socket.socket(fileno=descriptor)).run()
    return 0


class only_one:
    """Holds the worker's lock file: the worker of a killed service may still be about to go."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.database.parent / "worker.lock"

    def __enter__(self) -> None:
        self._file = open(self._path, "w")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _die() -> None:
    """The web process is gone: end at once, the queue knows what to do over."""
    sys.stderr.flush()
    os._exit(3)
