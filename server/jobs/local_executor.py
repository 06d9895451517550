"""The executor of this machine: threads that each wait for one child of the sandbox."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext

from engine.history.store import Store as MarketStore
from sandbox.job import Progress
from server.backtests.summary import error_document
from server.charts import indicators
from server.charts.run_tables import SeriesCache
from server.jobs.execution import Execution, Room, RunRequest, execute, failure
from server.jobs.executor import Advanced, Event, Finished, Job, Outcome
from server.storage.artifacts import (
    INDICATORS,
    Artifacts,
    Content,
    OverQuotaError,
    StorageFullError,
)
from server.storage.db import now_ms

log = logging.getLogger(__name__)

PROGRESS_EVERY_S = 0.4
Judge = Callable[[Job, RunRequest, Execution], Execution]


class LocalExecutor:
    """Runs up to `slots` jobs at once; see `server.jobs.executor.Executor`."""

    def __init__(
        self,
        room: Room,
        market: MarketStore,
        artifacts: Artifacts,
        series: SeriesCache,
        *,
        slots: int,
        request_of: Callable[[Job], RunRequest],
        still_wanted: Callable[[Job], bool] = lambda job: True,
        room_left: Callable[[Job], int | None] = lambda job: None,
        stored: Callable[[Job, int], None] = lambda job, size: None,
        memory: Callable[..., AbstractContextManager[bool]] = lambda *_: nullcontext(True),
        judged: Judge = lambda job, request, execution: execution,
    ) -> None:
        """`request_of` reads what a job's hash stands for. `room_left` says how many bytes the
        owner of a job may still store, None for any; `stored` is told how many were, before the
        owner's room is looked at again. `memory` waits for room for so many megabytes of this
        process and of a child beside it. `judged` enters what was tried into the ledger and adds
        to the result what that makes of it."""
        self._room = room
        self._market = market
        self._artifacts = artifacts
        self._series = series
        self._slots = slots
        self._request_of = request_of
        self._still_wanted = still_wanted
        self._room_left = room_left
        self._stored = stored
        # Two results of one owner that end at once must not both take the same room.
        self._storing: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)
        self._memory = memory
        self._judged = judged
        self._lock = threading.Lock()
        self._running: dict[str, threading.Event] = {}
        # Threads that last, because each keeps a connection to the database.
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="run")
        self._closing = False
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()

    def submit(self, job: Job) -> None:
        stop = threading.Event()
        with self._lock:
            self._running[job.backtest_id] = stop
        self._threads.submit(self._work, job, stop)

    def cancel(self, backtest_id: str) -> None:
        with self._lock:
            stop = self._running.get(backtest_id)
        if stop is not None:
            stop.set()

    def events(self, timeout_s: float) -> list[Event]:
        found: list[Event] = []
        try:
            first = self._events.get(timeout=timeout_s)
            while True:
                if first is not None:
                    found.append(first)
                first = self._events.get_nowait()
        except queue.Empty:
            return found

    def nudge(self) -> None:
        """Make a waiting `events` return at once."""
        self._events.put(None)

    def slots(self) -> int:
        with self._lock:
            return 0 if self._closing else self._slots - len(self._running)

    def running(self) -> int:
        with self._lock:
            return len(self._running)

    def close(self) -> None:
        with self._lock:
            self._closing = True
            for stop in self._running.values():
                stop.set()
        self._threads.shutdown()

    def _work(self, job: Job, stop: threading.Event) -> None:
        """One job in its own thread; the top of it, so that everything is caught here."""
        outcome: Outcome | None
        try:
            outcome = self._run(job, stop)
        except Exception as error:
            log.error("run_failed backtest_id=%s", job.backtest_id, exc_info=error)
            error_told = error_document(
                "internal", "Something went wrong on our side; it was logged."
            )
            outcome = Outcome("failed", now_ms(), error=error_told)
        with self._lock:
            self._running.pop(job.backtest_id, None)
        self._events.put(Finished(job, outcome))

    def _run(self, job: Job, stop: threading.Event) -> Outcome | None:
        request = self._request_of(job)
        last_told = 0.0

        def advance(now: Progress) -> None:
            nonlocal last_told
            done = now.bars_done == now.bars  # the last to be told, however soon it comes
            if done or time.monotonic() - last_told >= PROGRESS_EVERY_S:
                last_told = time.monotonic()
                self._events.put(Advanced(job, now.bars_done, now.bars, now.equity, now.line))

        # Held until the files are stored: the tables that they are made of are the larger part.
        with ExitStack() as held:
            execution = execute(
                request,
                self._room,
                self._market,
                on_progress=advance,
                cancelled=stop.is_set,
                memory=lambda own_mb, child_mb: held.enter_context(
                    self._memory(own_mb, child_mb, stop.is_set)
                ),
            )
            return self._kept(job, request, execution, stop)

    def _kept(
        self, job: Job, request: RunRequest, execution: Execution, stop: threading.Event
    ) -> Outcome | None:
        """What is told of a run once its files are stored; None when nobody wants it any more."""
        if stop.is_set() and self._closing:
            return None
        # Another attempt may have taken over, or the owner may have deleted the run.
        if not self._still_wanted(job):
            return None
        execution = self._judged(job, request, execution)
        with self._lock:
            of_this_owner = self._storing[job.tenant]
        with of_this_owner:
            execution, size, cached = self._store(request, execution, self._room_left(job))
            self._stored(job, size + cached)
        if not self._still_wanted(job):  # deleted while its files were written
            self._artifacts.delete(job.backtest_id)
            self._series.forget(job.backtest_id)
            return None
        return Outcome(
            status=execution.status,
            finished_at_ms=execution.finished_at_ms,
            bars_done=execution.bars_done,
            bars=execution.bars,
            error=execution.error,
            summary=execution.summary,
            storage_bytes=size,
            cache_bytes=cached,
        )

    def _store(
        self, request: RunRequest, execution: Execution, most_bytes: int | None
    ) -> tuple[Execution, int, int]:
        """Put the files in place: how it ended then, and the bytes of files and of their cache.

        A disk that is full, or a quota, fails this run and nothing else.
        """
        try:
            size = self._artifacts.store(request.backtest_id, _files(execution), most_bytes)
        except OverQuotaError:
            assert most_bytes is not None
            reason = (
                f"stopped: the result takes more than the {most_bytes / 2**20:,.1f} MB that you"
                " may still store (the limit), and nothing of it was kept. Delete some backtests,"
                " and run it again."
            )
            return failure(request, "output_limit", reason, execution.started_at_ms), 0, 0
        except (StorageFullError, OSError) as error:
            log.error("store_failed backtest_id=%s", request.backtest_id, exc_info=error)
            reason = (
                "The service's disk is full: there was no room to store the result, and nothing of"
                " it was kept. Tell an administrator, and run it again when there is room."
                if isinstance(error, StorageFullError)
                else "The result could not be stored, and nothing of it was kept. The fault is"
                " ours; it was logged."
            )
            return failure(request, "internal", reason, execution.started_at_ms), 0, 0
        cached = 0
        if execution.results is not None:
            cached = self._series.save(
                request.backtest_id,
                execution.results.tables(),
                execution.results.plots,
                None if most_bytes is None else most_bytes - size,
            )
        return execution, size, cached


def _files(execution: Execution) -> Mapping[str, Content]:
    """The artifacts, and the indicators when there are any."""
    found = execution.indicators
    if not found.lines and not found.left_out:
        return execution.files
    return {**execution.files, INDICATORS: indicators.pieces(found)}
