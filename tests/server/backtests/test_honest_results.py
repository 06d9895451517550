from __future__ import annotations

from dataclasses import replace

from engine.history.store import Store as MarketStore
from server.accounts.users import User
from server.backtests.backtest import Backtest, get_backtest
from server.backtests.honest_results import honesty_of
from server.honesty.ledger import Trial, add, rows
from server.jobs import queue
from server.jobs.execution import execute
from server.jobs.executor import Outcome
from server.jobs.judgement import judged
from server.settings import Settings
from server.storage.db import Store
from tests.server.builders import queue_runs
from tests.server.rooms import HonestRoom, request


def completed(store: Store, settings: Settings, owner: User) -> Backtest:
    made = queue_runs(store, settings, owner)[0].id
    job = queue.claim(store, settings)
    assert job is not None
    market = MarketStore(settings.data_directory, settings.cache_directory)
    execution = judged(store, job, request(), execute(request(), HonestRoom(), market))
    queue.finish(store, job, Outcome("completed", 5, 168, 168, summary=execution.summary))
    found = get_backtest(store, owner.id, made)
    assert found is not None
    return found


def test_honesty_is_pending_before_the_end(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    run = queue_runs(fresh_db, settings, alice)[0]
    assert honesty_of(fresh_db, run) == {"pending": True}


def test_a_later_try_counts_against_an_earlier_run(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    run = completed(fresh_db, settings, alice)
    first = honesty_of(fresh_db, run)
    assert first is not None
    assert (first["n"], first["n_source"], first["days"]) == (1, "ledger", 7)
    row = rows(fresh_db, alice.id)[0][0]
    fields = {name: row[name] for name in Trial.__dataclass_fields__}
    other = Trial(**{**fields, "symbols": ("TINYUSDT",), "config_hash": "other"})
    add(fresh_db, alice.id, [other])
    second = honesty_of(fresh_db, run)
    assert second is not None
    assert second["n"] == 2
    # Nothing changes until something is tried again, so that an answer can be cached.
    assert honesty_of(fresh_db, run) == second


def test_a_failed_run_has_no_honesty(fresh_db: Store, settings: Settings, alice: User) -> None:
    run = completed(fresh_db, settings, alice)
    assert honesty_of(fresh_db, replace(run, status="failed")) is None
