from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Any

import pytest

from engine.history.store import Store as MarketStore
from server.accounts.users import User
from server.honesty import ledger
from server.jobs.execution import Execution, execute
from server.jobs.executor import Job
from server.jobs.judgement import judged
from server.settings import Settings
from server.storage.db import Store
from tests.server.rooms import ID, HonestRoom, request


@pytest.fixture
def execution(settings: Settings) -> Execution:
    return execute(
        request(), HonestRoom(), MarketStore(settings.data_directory, settings.cache_directory)
    )


def test_a_run_is_written_down_and_names_its_row(
    fresh_db: Store, alice: User, execution: Execution
) -> None:
    job = Job(ID, 1, alice.id, "x")
    found = judged(fresh_db, job, request(), execution)
    (row,), _ = ledger.rows(fresh_db, alice.id)
    assert found.summary.ledger == {
        "family": row["family"],
        "config_hash": row["config_hash"],
    }
    assert (row["backtest_id"], row["days"], row["status"]) == (ID, 7, "completed")
    assert (row["symbols"], row["start_date"]) == (["TINYUSDT"], "2024-01-01")
    judged(fresh_db, replace(job, attempt=2), request(), execution)
    assert len(ledger.rows(fresh_db, alice.id)[0]) == 1


def test_a_run_without_figures_is_not(fresh_db: Store, alice: User, execution: Execution) -> None:
    nothing = replace(execution, summary=replace(execution.summary, own_figures=None))
    assert judged(fresh_db, Job(ID, 1, alice.id, "x"), request(), nothing) is nothing
    assert ledger.rows(fresh_db, alice.id)[0] == []


def test_a_database_that_cannot_be_written_costs_the_row_alone(
    fresh_db: Store, alice: User, execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(ledger, "add", full)
    assert judged(fresh_db, Job(ID, 1, alice.id, "x"), request(), execution) is execution
