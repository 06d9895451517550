from __future__ import annotations

import sqlite3

import pytest

from server.accounts.users import User
from server.backtests import backtest, retention
from server.backtests.backtest import Backtest
from server.backtests.marks import set_marks
from server.backtests.retention import REST_S, Retention, remove_expired
from server.backtests.shares import create_share
from server.services import Services
from server.storage.db import Store, now_ms
from server.storage.reserve import RESERVE_BYTES
from tests.server.builders import queue_runs, sqlite_error

DAY_MS = 86_400_000


def ended(store: Store, runs: list[Backtest], days: float, status: str = "completed") -> None:
    """Let the runs have ended so many days ago."""
    for run in runs:
        with store.write() as db:
            db.conn.execute(
                "update backtests set status = ?, finished_at_ms = ? where id = ?",
                [status, now_ms() - int(days * DAY_MS), run.id],
            )


def left(services: Services, owner: User) -> list[str]:
    return backtest.ids_of(services.store, owner.id)


def remove(services: Services, days: int = 30, limit: int = 20) -> int:
    return remove_expired(
        services.store, services.artifacts, services.series, services.reserve, days, limit
    )


def keeper_of(services: Services, days: int | None) -> Retention:
    return Retention(services.store, services.artifacts, services.series, services.reserve, days)


def test_runs_of_every_end_go_with_their_files_once_they_are_too_old(
    services: Services, alice: User
) -> None:
    runs = queue_runs(services.store, services.settings, alice, 5)
    for run in runs:
        services.artifacts.store(run.id, {"log.txt": b"x"})
    for run, status in zip(runs, ("completed", "failed", "cancelled"), strict=False):
        ended(services.store, [run], 30.01, status)
    ended(services.store, [runs[3]], 29.99)
    assert remove(services) == 3
    assert left(services, alice) == [runs[3].id, runs[4].id]
    assert sorted(services.artifacts.ids()) == sorted(left(services, alice))


def test_what_somebody_marked_stays(services: Services, alice: User) -> None:
    star, note, link, gone, tagged = queue_runs(services.store, services.settings, alice, 5)
    ended(services.store, [star, note, link, gone, tagged], 400)
    set_marks(services.store, alice.id, star.id, starred=True)
    set_marks(services.store, alice.id, note.id, note="look at this")
    set_marks(services.store, alice.id, tagged.id, tags="old")
    for run in (link, gone):
        create_share(services.store, alice.id, run.id, with_code=False, days=7)
    with services.store.write() as db:
        # This link has expired: it shows nothing any more.
        db.conn.execute("update shares set expires_at_ms = 1 where backtest_id = ?", [gone.id])
    assert remove(services) == 2
    assert left(services, alice) == [star.id, note.id, link.id]


def test_a_step_removes_no_more_than_its_bound(services: Services, alice: User) -> None:
    runs = queue_runs(services.store, services.settings, alice, 5)
    ended(services.store, runs, 31)
    assert [remove(services, limit=2) for _ in range(4)] == [2, 2, 1, 0]


def test_a_run_whose_files_cannot_go_keeps_its_row(
    services: Services, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = queue_runs(services.store, services.settings, alice)
    ended(services.store, [run], 31)

    def refused(_: str) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(services.artifacts, "hide", refused)
    assert remove(services) == 0
    assert left(services, alice) == [run.id]


def test_a_run_whose_row_cannot_go_keeps_its_files(
    services: Services, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = queue_runs(services.store, services.settings, alice)
    services.artifacts.store(run.id, {"log.txt": b"x"})
    ended(services.store, [run], 31)

    def locked(*_: object) -> bool:
        raise sqlite_error(sqlite3.SQLITE_BUSY)

    with monkeypatch.context() as patched:
        patched.setattr(backtest, "delete_backtest", locked)
        assert remove(services) == 0
    assert services.artifacts.read(run.id, "log.txt") == b"x"
    assert remove(services) == 1
    assert [left(services, alice), list(services.artifacts.ids())] == [[], []]


def test_a_full_database_gets_the_room_that_is_kept_for_deletions(
    services: Services, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = queue_runs(services.store, services.settings, alice)
    ended(services.store, [run], 31)
    services.reserve.fill()
    delete = backtest.delete_backtest

    def cramped(store: Store, owner: int, backtest_id: str) -> bool:
        if services.reserve.path.exists():
            raise sqlite_error(sqlite3.SQLITE_FULL)
        return delete(store, owner, backtest_id)

    monkeypatch.setattr(backtest, "delete_backtest", cramped)
    assert remove(services) == 1
    assert services.reserve.path.stat().st_size == RESERVE_BYTES


def test_it_rests_once_nothing_is_left(
    services: Services, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "STEP", 2)
    runs = queue_runs(services.store, services.settings, alice, 3)
    ended(services.store, runs, 31)
    calls: list[int] = []

    def counted(*_: object) -> int:
        calls.append(len(calls))
        return (2, 1, 0)[len(calls) - 1]

    monkeypatch.setattr(retention, "remove_expired", counted)
    keeper = keeper_of(services, 30)
    for now in (0.0, 1.0, 2.0, REST_S, 1.0 + REST_S):
        keeper.step(now)
    assert len(calls) == 3


def test_without_a_number_of_days_everything_stays(services: Services, alice: User) -> None:
    runs = queue_runs(services.store, services.settings, alice, 1)
    ended(services.store, runs, 4000)
    keeper_of(services, None).step(0.0)
    assert left(services, alice) == [runs[0].id]


def test_what_ended_is_found_by_an_index(services: Services) -> None:
    plan = services.store.rows(f"explain query plan {retention._EXPIRED}", 1, 1, 1)
    assert "backtests_ended" in plan[0]["detail"]
