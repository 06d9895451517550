"""The scheduler: hands queued runs to an executor and writes down what comes back."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time

from server.accounts.disk import below_floor
from server.jobs import queue
from server.jobs.executor import Advanced, Event, Executor, Finished
from server.jobs.run_counts import RunCounts
from server.settings import Settings
from server.storage.db import Store

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
COMPLAIN_EVERY_S = 60.0


class Scheduler:
    """One thread's work; the database is its only memory."""

    def __init__(self, store: Store, settings: Settings, executor: Executor) -> None:
        self._store = store
        self._settings = settings
        self._executor = executor
        self._owed: list[Finished] = []
        self._next_look = 0.0
        self._next_complaint = 0.0
        self.draining = threading.Event()
        self.in_flight = 0
        self.counts = RunCounts()
        self._started: dict[tuple[str, int], float] = {}

    def step(self, timeout_s: float = LOOK_EVERY_S) -> None:
        """Claim what may run, then wait for events up to `timeout_s` and write them down.

        A database that is locked or has no room is waited for: an end is owed until it is kept.
        """
        try:
            self._claim()
            self._pass_cancels_on()
        except sqlite3.Error as error:
            log.error("queue_unavailable error=%s", error)
        for event in self._executor.events(timeout_s):
            self._take(event)
        owed, self._owed = self._owed, []
        for finished in owed:
            self._end(finished)

    def drain(self, limit_s: float) -> None:
        """Claim no more, wait for what runs up to `limit_s`, give the rest back to the queue."""
        self.draining.set()
        deadline = time.monotonic() + limit_s
        while self.in_flight and time.monotonic() < deadline:
            self.step(timeout_s=0.1)
        self._executor.close()
        deadline = time.monotonic() + LOOK_EVERY_S
        while (self.in_flight or self._owed) and time.monotonic() < deadline:
            self.step(timeout_s=0.05)

    def _claim(self) -> None:
        while not self.draining.is_set() and self._executor.slots() > 0:
            if self._disk_is_low():
                return
            job = queue.claim(self._store, self._settings)
            if job is None:
                return
            log.info("run_started backtest_id=%s attempt=%d", job.backtest_id, job.attempt)
            self.in_flight += 1
            self._started[job.backtest_id, job.attempt] = time.monotonic()
            self._executor.submit(job)

    def _disk_is_low(self) -> bool:
        """Whether runs wait for room on the disk, said once a minute."""
        shortage = below_floor(self._settings)
        if shortage is not None and time.monotonic() >= self._next_complaint:
            self._next_complaint = time.monotonic() + COMPLAIN_EVERY_S
            log.error("disk_is_low what=%s", shortage)
        return shortage is not None

    def _pass_cancels_on(self) -> None:
        """Notices get lost; the wish to cancel is in the database."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_EVERY_S
        for backtest_id in queue.cancelled_while_running(self._store):
            self._executor.cancel(backtest_id)

    def _take(self, event: Event) -> None:
        if isinstance(event, Advanced):
            try:
                queue.note_progress(
                    self._store, event.job, event.bars_done, event.bars, event.equity, event.line
                )
            except sqlite3.Error as error:
                log.warning("progress_lost backtest_id=%s %s", event.job.backtest_id, error)
            return
        self.in_flight -= 1
        self._owed.append(event)
        job, outcome = event.job, event.outcome
        began = self._started.pop((job.backtest_id, job.attempt), None)
        if outcome is not None and began is not None:
            failure = outcome.error["kind"] if outcome.error else None
            self.counts.add(time.monotonic() - began, failure)

    def _end(self, event: Finished) -> None:
        job, outcome = event.job, event.outcome
        try:
            if outcome is None:
                queue.release(self._store, job)
                return
            counted = queue.finish(self._store, job, outcome)
        except sqlite3.Error as error:
            log.error("end_owed backtest_id=%s error=%s", job.backtest_id, error)
            self._owed.append(event)
            return
        log.info(
            "run_ended backtest_id=%s attempt=%d status=%s kind=%s counted=%s",
            job.backtest_id,
            job.attempt,
            outcome.status,
            outcome.error["kind"] if outcome.error else "-",
            counted,
        )
