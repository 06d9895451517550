from __future__ import annotations

import pytest

from server.accounts.users import User, set_disabled, set_quotas
from server.backtests.backtest import get_backtest, request_cancel
from server.jobs import queue
from server.jobs.executor import Job, Outcome
from server.settings import Settings
from server.storage.db import Store, now_ms
from tests.server.builders import queue_runs


def claimed(store: Store, settings: Settings) -> Job:
    job = queue.claim(store, settings)
    assert job is not None
    return job


def status(store: Store, owner: User, backtest_id: str) -> str:
    found = get_backtest(store, owner.id, backtest_id)
    assert found is not None
    return found.status


def done(status: str = "completed") -> Outcome:
    return Outcome(status, 1_700_000_000_000, bars_done=10, bars=10)  # type: ignore[arg-type]


def test_a_run_is_claimed_once(fresh_db: Store, settings: Settings, alice: User) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    job = claimed(fresh_db, settings)
    assert (job.backtest_id, job.attempt, job.tenant) == (made.id, 1, alice.id)
    assert queue.claim(fresh_db, settings) is None


def test_the_oldest_run_of_an_account_comes_first(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    made = [item.id for item in queue_runs(fresh_db, settings, alice, 2)]
    assert [claimed(fresh_db, settings).backtest_id for _ in range(2)] == made


def test_a_single_run_waits_for_one_of_somebodys_five_hundred(
    fresh_db: Store, settings: Settings, alice: User, bob: User
) -> None:
    queue_runs(fresh_db, settings, alice, 500)
    first = claimed(fresh_db, settings)
    bobs = queue_runs(fresh_db, settings, bob)[0]
    queue.finish(fresh_db, first, done())
    assert claimed(fresh_db, settings).backtest_id == bobs.id


def test_accounts_take_turns(fresh_db: Store, settings: Settings, alice: User, bob: User) -> None:
    queue_runs(fresh_db, settings, alice, 4)
    queue_runs(fresh_db, settings, bob, 4)
    order = []
    for _ in range(6):
        job = claimed(fresh_db, settings)
        order.append(job.tenant)
        queue.finish(fresh_db, job, done())
    assert order == [alice.id, bob.id] * 3


def test_who_has_fewer_running_comes_first(
    fresh_db: Store, settings: Settings, alice: User, bob: User
) -> None:
    queue_runs(fresh_db, settings, alice, 3)
    claimed(fresh_db, settings)
    queue_runs(fresh_db, settings, bob, 2)
    assert claimed(fresh_db, settings).tenant == bob.id


def test_nobody_runs_more_at_once_than_allowed(
    fresh_db: Store, settings: Settings, alice: User, bob: User
) -> None:
    queue_runs(fresh_db, settings, alice, 5)
    queue_runs(fresh_db, settings, bob, 1)
    set_quotas(fresh_db, alice.id, max_running=1)
    tenants = [claimed(fresh_db, settings).tenant for _ in range(2)]
    assert sorted(tenants) == sorted([alice.id, bob.id])
    assert queue.claim(fresh_db, settings) is None


def test_runs_of_a_locked_account_wait_until_it_is_unlocked(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    set_disabled(fresh_db, alice.id, True)
    assert queue.claim(fresh_db, settings) is None
    assert status(fresh_db, alice, made.id) == "queued"
    set_disabled(fresh_db, alice.id, False)
    assert claimed(fresh_db, settings).backtest_id == made.id


def test_the_first_end_of_the_attempt_in_force_counts(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    job = claimed(fresh_db, settings)
    assert queue.in_force(fresh_db, job)
    assert queue.finish(fresh_db, job, done())
    assert not queue.finish(fresh_db, job, done("failed"))
    assert not queue.in_force(fresh_db, job)
    assert status(fresh_db, alice, made.id) == "completed"


def test_a_late_end_of_an_earlier_attempt_does_not_count(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    first = claimed(fresh_db, settings)
    assert queue.recover(fresh_db) == [made.id]
    second = claimed(fresh_db, settings)
    assert second.attempt == 2
    assert not queue.finish(fresh_db, first, done("failed"))
    assert queue.finish(fresh_db, second, done())


def test_runs_that_the_service_died_under_go_last(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    first, second = queue_runs(fresh_db, settings, alice, 2)
    claimed(fresh_db, settings)
    queue.recover(fresh_db)
    order = [claimed(fresh_db, settings).backtest_id for _ in range(2)]
    assert order == [second.id, first.id]


def test_a_run_that_died_three_times_is_interrupted(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    for _ in range(2):
        claimed(fresh_db, settings)
        assert queue.recover(fresh_db) == [made.id]
    claimed(fresh_db, settings)
    assert queue.recover(fresh_db) == []
    found = get_backtest(fresh_db, alice.id, made.id)
    assert found is not None
    assert found.status == "failed"
    assert found.error is not None
    assert found.error["kind"] == "interrupted"


def test_a_cancelled_run_is_not_run_again(fresh_db: Store, settings: Settings, alice: User) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    claimed(fresh_db, settings)
    request_cancel(fresh_db, alice.id, made.id)
    assert queue.cancelled_while_running(fresh_db) == [made.id]
    assert queue.recover(fresh_db) == []
    assert status(fresh_db, alice, made.id) == "cancelled"


def test_a_run_given_back_is_not_counted_as_tried(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    queue_runs(fresh_db, settings, alice)
    queue.release(fresh_db, claimed(fresh_db, settings))
    assert claimed(fresh_db, settings).attempt == 1


def test_a_run_given_back_after_its_owner_cancelled_it_has_ended(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    job = claimed(fresh_db, settings)
    request_cancel(fresh_db, alice.id, made.id)
    queue.release(fresh_db, job)
    assert status(fresh_db, alice, made.id) == "cancelled"


def test_progress_is_noted_for_the_attempt_in_force(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    job = claimed(fresh_db, settings)
    queue.note_progress(fresh_db, job, 42, 168, 10_250.0)
    queue.note_progress(fresh_db, Job(job.backtest_id, 7, alice.id, ""), 99, 168, 1.0)
    found = get_backtest(fresh_db, alice.id, made.id)
    assert found is not None
    assert (found.bars_done, found.progress, found.equity) == (42, 0.25, 10_250.0)


def test_a_bar_that_takes_long_is_told_with_its_line(
    fresh_db: Store, settings: Settings, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    job = claimed(fresh_db, settings)
    began = now_ms()

    def stalled(
        after_s: float, bars_done: int, line: int | None
    ) -> tuple[float | None, int | None]:
        monkeypatch.setattr(queue, "now_ms", lambda: began + round(after_s * 1000))
        monkeypatch.setattr(
            "server.backtests.backtest.now_ms", lambda: began + round(after_s * 1000)
        )
        queue.note_progress(fresh_db, job, bars_done, 168, 10_000.0, line)
        found = get_backtest(fresh_db, alice.id, made.id)
        assert found is not None
        return found.stalled_s(), found.line

    assert stalled(5.0, 42, None) == (None, None)
    assert stalled(14.0, 42, 4) == (None, 4)  # for nine seconds: not worth telling
    assert stalled(45.0, 42, 4) == (40.0, 4)
    assert stalled(46.0, 43, None) == (None, None)
    assert stalled(99.0, 168, None) == (None, None)  # all bars are done: it is being checked


def test_the_load_counts_what_waits_and_runs(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    queue_runs(fresh_db, settings, alice, 3)
    claimed(fresh_db, settings)
    assert queue.load(fresh_db) == queue.Load(queued=2, running=1)


def test_claiming_costs_the_same_whatever_has_ended_before(
    fresh_db: Store, settings: Settings, alice: User, bob: User
) -> None:
    def claim_and_look() -> int:
        """Steps of SQLite's machine, which time on a busy computer is not."""
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        conn = fresh_db.db.conn
        conn.set_progress_handler(count, 1)
        job = claimed(fresh_db, settings)
        queue.cancelled_while_running(fresh_db)
        queue.load(fresh_db)
        conn.set_progress_handler(None, 0)
        queue.finish(fresh_db, job, done())
        return steps

    queue_runs(fresh_db, settings, alice, 3)
    claim_and_look()
    before = claim_and_look()
    for owner in (alice, bob):
        queue_runs(fresh_db, settings, owner, 300)
    with fresh_db.write() as db:
        db.conn.execute("update backtests set status = 'completed' where status = 'queued'")
    queue_runs(fresh_db, settings, alice, 2)
    assert claim_and_look() < before + 100
