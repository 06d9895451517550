"""What every account takes of the machine."""

from __future__ import annotations

from server.accounts.tokens import create_token
from server.accounts.users import User
from server.backtests.usage import totals, usage_of_everybody
from server.jobs import queue
from server.jobs.executor import Outcome
from server.settings import Settings
from server.storage.db import Store
from tests.server.builders import queue_runs


def test_an_account_that_did_nothing_takes_nothing(fresh_db: Store, alice: User) -> None:
    (usage,) = usage_of_everybody(fresh_db)
    assert usage.user == alice
    assert (usage.backtests, usage.strategies, usage.tokens, usage.storage_bytes) == (0, 0, 0, 0)


def test_each_account_has_its_own_counts(
    fresh_db: Store, settings: Settings, alice: User, bob: User
) -> None:
    queue_runs(fresh_db, settings, alice, 3)
    job = queue.claim(fresh_db, settings)
    assert job is not None
    queue.finish(fresh_db, job, Outcome("completed", 1, storage_bytes=5000))
    create_token(fresh_db, bob.id)
    by_name = {usage.user.name: usage for usage in usage_of_everybody(fresh_db)}
    assert (by_name["alice"].queued, by_name["alice"].backtests) == (2, 3)
    assert by_name["alice"].storage_bytes == 5000 + len("class A(Strategy): ...")
    assert (by_name["bob"].backtests, by_name["bob"].tokens) == (0, 1)


def test_totals_are_over_everybody(
    fresh_db: Store, settings: Settings, alice: User, bob: User
) -> None:
    queue_runs(fresh_db, settings, alice, 2)
    queue_runs(fresh_db, settings, bob)
    assert totals(fresh_db).users == 2
    assert totals(fresh_db).by_status == {"queued": 3}
    assert totals(fresh_db).storage_bytes == 2 * len("class A(Strategy): ...")
