from __future__ import annotations

import sqlite3

import pytest

from server.accounts.users import User
from server.backtests import backtest
from server.backtests.removal import remove_run
from server.services import Services
from tests.server.builders import queue_runs, sqlite_error


def remove(services: Services, owner: int, backtest_id: str) -> None:
    remove_run(services.store, services.artifacts, services.reserve, owner, backtest_id)


def test_row_and_files_go_together(services: Services, alice: User) -> None:
    first, second = queue_runs(services.store, services.settings, alice, 2)
    for run in (first, second):
        services.artifacts.store(run.id, {"log.txt": b"x"})
    remove(services, alice.id, first.id)
    assert backtest.ids_of(services.store, alice.id) == [second.id]
    assert [path.name for path in services.artifacts.directory.iterdir()] == [second.id]


def test_a_run_without_files_goes_too(services: Services, alice: User) -> None:
    (run,) = queue_runs(services.store, services.settings, alice)
    remove(services, alice.id, run.id)
    assert backtest.ids_of(services.store, alice.id) == []


def test_files_come_back_when_their_row_stays(
    services: Services, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = queue_runs(services.store, services.settings, alice)
    services.artifacts.store(run.id, {"log.txt": b"x"})

    def refused(*_: object) -> bool:
        raise sqlite_error(sqlite3.SQLITE_READONLY)

    monkeypatch.setattr(backtest, "delete_backtest", refused)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        remove(services, alice.id, run.id)
    assert services.artifacts.read(run.id, "log.txt") == b"x"
