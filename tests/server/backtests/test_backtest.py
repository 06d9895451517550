from __future__ import annotations

import pytest

from server.accounts.users import User, get_user, set_quotas
from server.backtests import backtest
from server.backtests.backtest import (
    create_backtests,
    delete_backtest,
    get_backtest,
    ids_of,
    request_cancel,
    source_of,
)
from server.backtests.listing import list_backtests
from server.jobs.executor import Outcome
from server.jobs.queue import claim, finish
from server.problems import Invalid, TooMany, Unavailable
from server.settings import Settings
from server.storage.db import Store
from tests.server.builders import asked, new_id, queue_runs


def test_a_stored_backtest_says_what_was_asked_for(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    made = queue_runs(fresh_db, settings, alice, name="First", fee_rate=0.002)[0]
    assert (made.status, made.progress, made.name) == ("queued", 0.0, "First")
    assert made.config["fee_rate"] == 0.002
    assert made.metrics is None
    assert source_of(fresh_db, made) == "class A(Strategy): ..."


def test_another_owner_has_no_such_backtest(
    fresh_db: Store, settings: Settings, alice: User, bob: User
) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    assert get_backtest(fresh_db, bob.id, made.id) is None
    assert request_cancel(fresh_db, bob.id, made.id) is None
    assert not delete_backtest(fresh_db, bob.id, made.id)
    assert list_backtests(fresh_db, bob.id) == ([], None)
    assert ids_of(fresh_db, bob.id) == []
    assert get_backtest(fresh_db, alice.id, made.id) == made


def test_the_same_key_gives_the_same_run(
    fresh_db: Store, settings: Settings, alice: User, bob: User
) -> None:
    def send(owner: User, body: str) -> str:
        made = create_backtests(
            fresh_db,
            settings,
            owner,
            [asked()],
            new_id=new_id,
            idempotency_key="k1",
            request_sha256=body,
        )
        return made[0].id

    first = send(alice, "body")
    assert send(alice, "body") == first
    assert send(bob, "body") != first
    with pytest.raises(Invalid, match="another request"):
        send(alice, "other body")
    delete_backtest(fresh_db, alice.id, first)
    assert send(alice, "body") != first


def test_a_queued_one_is_cancelled_at_once(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    assert request_cancel(fresh_db, alice.id, made.id) == "cancelled"
    found = get_backtest(fresh_db, alice.id, made.id)
    assert found is not None
    assert found.ended
    assert found.finished_at_ms is not None


def test_a_running_one_is_asked_to_stop(fresh_db: Store, settings: Settings, alice: User) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    claim(fresh_db, settings)
    assert request_cancel(fresh_db, alice.id, made.id) == "running"
    found = get_backtest(fresh_db, alice.id, made.id)
    assert found is not None
    assert found.cancel_requested


def test_progress_is_1_for_completed_runs_alone(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    job = claim(fresh_db, settings)
    assert job is not None
    finish(fresh_db, job, Outcome("failed", 5, bars_done=168, bars=168))
    found = get_backtest(fresh_db, alice.id, made.id)
    assert found is not None
    assert found.progress == 0.999


def test_one_run_past_the_queue_quota_is_refused_and_none_is_kept(
    fresh_db: Store, settings: Settings, alice: User, bob: User
) -> None:
    limited = settings.model_copy(update={"user_max_queued": 3})
    queue_runs(fresh_db, limited, alice, 2)
    with pytest.raises(TooMany, match="may have 3"):
        queue_runs(fresh_db, limited, alice, 2)
    assert len(ids_of(fresh_db, alice.id)) == 2
    queue_runs(fresh_db, limited, bob, 3)


def test_an_accounts_own_quota_goes_before_the_setting(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    set_quotas(fresh_db, alice.id, max_queued=1)
    limited = get_user(fresh_db, alice.id)
    assert limited is not None
    queue_runs(fresh_db, settings, limited)
    with pytest.raises(TooMany):
        queue_runs(fresh_db, settings, limited)


def test_who_stores_too_much_queues_no_more(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    limited = settings.model_copy(update={"user_max_storage_mb": 1})
    queue_runs(fresh_db, limited, alice)
    job = claim(fresh_db, limited)
    assert job is not None
    finish(fresh_db, job, Outcome("completed", 5, storage_bytes=1024 * 1024))
    with pytest.raises(TooMany, match="delete some"):
        queue_runs(fresh_db, limited, alice)


def test_a_full_queue_takes_nobodys_runs(
    fresh_db: Store, settings: Settings, alice: User, bob: User
) -> None:
    limited = settings.model_copy(update={"queue_max": 2})
    queue_runs(fresh_db, limited, alice, 2)
    with pytest.raises(Unavailable, match="full"):
        queue_runs(fresh_db, limited, bob)


def test_a_deleted_backtest_takes_its_code_along(
    fresh_db: Store, settings: Settings, alice: User
) -> None:
    made = queue_runs(fresh_db, settings, alice)[0]
    assert backtest.delete_backtest(fresh_db, alice.id, made.id)
    assert fresh_db.value("select count(*) from blobs") == 0
