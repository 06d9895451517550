from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from server.accounts.users import User
from server.backtests.backtest import get_backtest, request_cancel
from server.jobs import queue
from server.jobs.executor import Advanced, Event, Finished, Job, Outcome
from server.jobs.scheduler import Scheduler
from server.settings import Settings
from server.storage.db import Store
from tests.server.builders import queue_runs, sqlite_error


class FakeExecutor:
    """Keeps what it is given; a test says when a job ends."""

    def __init__(self, slots: int = 2) -> None:
        self.most = slots
        self.jobs: list[Job] = []
        self.cancelled: list[str] = []
        self.pending: list[Event] = []

    def submit(self, job: Job) -> None:
        assert self.slots() > 0
        self.jobs.append(job)

    def cancel(self, backtest_id: str) -> None:
        self.cancelled.append(backtest_id)

    def events(self, timeout_s: float) -> list[Event]:
        found, self.pending = self.pending, []
        return found

    def slots(self) -> int:
        return self.most - len(self.jobs)

    def end(self, job: Job, status: str | None = "completed") -> None:
        outcome = None if status is None else Outcome(status, 5)  # type: ignore[arg-type]
        self.jobs.remove(job)
        self.pending.append(Finished(job, outcome))

    def close(self) -> None:
        for job in list(self.jobs):
            self.end(job, None)


@pytest.fixture
def executor() -> FakeExecutor:
    return FakeExecutor()


@pytest.fixture
def scheduler(fresh_db: Store, settings: Settings, executor: FakeExecutor) -> Scheduler:
    return Scheduler(fresh_db, settings, executor)


def statuses(store: Store, owner: User) -> list[str]:
    rows = store.rows("select status from backtests where user_id = ? order by seq", owner.id)
    return [row["status"] for row in rows]


def test_free_slots_are_filled_and_ends_written_down(
    fresh_db: Store,
    settings: Settings,
    alice: User,
    executor: FakeExecutor,
    scheduler: Scheduler,
) -> None:
    queue_runs(fresh_db, settings, alice, 3)
    scheduler.step(0)
    assert statuses(fresh_db, alice) == ["running", "running", "queued"]
    executor.end(executor.jobs[0])
    scheduler.step(0)
    scheduler.step(0)
    assert statuses(fresh_db, alice) == ["completed", "running", "running"]


def test_progress_reaches_the_database(
    fresh_db: Store,
    settings: Settings,
    alice: User,
    executor: FakeExecutor,
    scheduler: Scheduler,
) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    scheduler.step(0)
    executor.pending.append(Advanced(executor.jobs[0], 84, 168, 10_100.0))
    scheduler.step(0)
    found = get_backtest(fresh_db, alice.id, made.id)
    assert found is not None
    assert found.progress == 0.5


def test_a_wish_to_cancel_is_passed_on_even_if_nobody_told(
    fresh_db: Store,
    settings: Settings,
    alice: User,
    executor: FakeExecutor,
    scheduler: Scheduler,
) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    queue.claim(fresh_db, settings)
    request_cancel(fresh_db, alice.id, made.id)
    scheduler.step(0)
    assert executor.cancelled == [made.id]


def fail_once(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    real: Callable[..., object] = getattr(queue, name)
    calls = 0

    def flaky(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise sqlite_error(sqlite3.SQLITE_FULL)
        return real(*arguments)

    monkeypatch.setattr(queue, name, flaky)


def test_an_end_is_owed_until_the_database_takes_it(
    fresh_db: Store,
    settings: Settings,
    alice: User,
    executor: FakeExecutor,
    scheduler: Scheduler,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue_runs(fresh_db, settings, alice)
    scheduler.step(0)
    executor.end(executor.jobs[0])
    fail_once(monkeypatch, "finish")
    scheduler.step(0)
    assert statuses(fresh_db, alice) == ["running"]
    scheduler.step(0)
    assert statuses(fresh_db, alice) == ["completed"]


def test_a_database_that_is_locked_for_long_stops_nothing(
    fresh_db: Store,
    settings: Settings,
    alice: User,
    scheduler: Scheduler,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue_runs(fresh_db, settings, alice)
    fail_once(monkeypatch, "claim")
    scheduler.step(0)
    assert statuses(fresh_db, alice) == ["queued"]
    scheduler.step(0)
    assert statuses(fresh_db, alice) == ["running"]


def test_draining_gives_back_what_does_not_end_in_time(
    fresh_db: Store,
    settings: Settings,
    alice: User,
    executor: FakeExecutor,
    scheduler: Scheduler,
) -> None:
    queue_runs(fresh_db, settings, alice, 3)
    scheduler.step(0)
    executor.end(executor.jobs[0])
    scheduler.drain(0.05)
    assert statuses(fresh_db, alice) == ["completed", "queued", "queued"]
    assert fresh_db.value("select max(attempt) from backtests where status = 'queued'") == 0
