from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from server.accounts.users import User, delete_user
from server.honesty.ledger import Trial, Tried, add, rows, tried
from server.storage.db import Store


def trial(config_hash: str = "a", **changes: Any) -> Trial:
    values: dict[str, Any] = {
        "kind": "run",
        "family": "fa",
        "config_hash": config_hash,
        "symbols": ("BTCUSDT",),
        "timeframe": "1h",
        "trading_mode": "spot",
        "start_date": "2024-01-01",
        "end_date": "2024-12-31",
        "days": 366,
        "sharpe": 0.1,
        "skewness": 0.0,
        "kurtosis": 3.0,
        "status": "completed",
        **changes,
    }
    return Trial(**values)


def n(store: Store, owner: User, start: str, end: str, **more: Any) -> int:
    return tried(store, owner.id, "fa", "judged", start, end, **more).n


def test_the_same_configuration_again_is_no_other_try(fresh_db: Store, alice: User) -> None:
    assert add(fresh_db, alice.id, [trial("a"), trial("b")]) == 2
    assert add(fresh_db, alice.id, [trial("a", kind="trial", study_id="st")]) == 0
    assert add(fresh_db, alice.id, [trial("a", end_date="2025-01-31")]) == 1


def test_what_ended_early_counts_from_thirty_days(fresh_db: Store, alice: User) -> None:
    assert add(fresh_db, alice.id, [trial("a", status="failed", days=29)]) == 0
    assert add(fresh_db, alice.id, [trial("b", status="failed", days=30)]) == 1
    assert add(fresh_db, alice.id, [trial("c", status="completed", days=2)]) == 1


def test_synthetic_prices_are_not_written_down(fresh_db: Store, alice: User) -> None:
    assert add(fresh_db, alice.id, [trial(symbols=("BTCUSDT", "DEMOETHUSDT"))]) == 0


def test_windows_count_that_overlap_by_half_of_the_shorter(fresh_db: Store, alice: User) -> None:
    add(fresh_db, alice.id, [trial("a", start_date="2024-01-01", end_date="2024-01-10")])
    # Its 10 days share 5 with the first window (half: counts) and 4 with the second.
    assert n(fresh_db, alice, "2024-01-06", "2024-03-01") == 2
    assert n(fresh_db, alice, "2024-01-07", "2024-03-01") == 1
    # The shorter one decides: 2 of 4 days.
    assert n(fresh_db, alice, "2024-01-09", "2024-01-12") == 2
    assert n(fresh_db, alice, "2024-01-10", "2024-01-12") == 1


def test_a_configuration_counts_once_with_its_longest_window(fresh_db: Store, alice: User) -> None:
    add(fresh_db, alice.id, [trial("a", sharpe=0.3, days=10, end_date="2024-01-10")])
    add(fresh_db, alice.id, [trial("a", sharpe=0.2, days=20, end_date="2024-01-20")])
    add(fresh_db, alice.id, [trial("b", sharpe=None)])
    found = tried(fresh_db, alice.id, "fa", "a", "2024-01-01", "2024-01-20")
    assert (found.n, found.sharpes, found.days, found.own) == (2, (0.2,), (20,), 0)


def test_walk_forwards_are_held_against_each_other_alone(fresh_db: Store, alice: User) -> None:
    add(fresh_db, alice.id, [trial("a"), trial("w", kind="walk_forward"), trial("t", kind="trial")])
    assert n(fresh_db, alice, "2024-01-01", "2024-12-31") == 3
    assert n(fresh_db, alice, "2024-01-01", "2024-12-31", stitched=True) == 2


def test_another_family_and_another_account_do_not_count(
    fresh_db: Store, alice: User, bob: User
) -> None:
    add(fresh_db, alice.id, [trial("a", family="other")])
    add(fresh_db, bob.id, [trial("a")])
    assert tried(fresh_db, alice.id, "fa", "x", "2024-01-01", "2024-12-31") == Tried(
        1, (), (), None
    )


def test_a_row_is_never_changed(fresh_db: Store, alice: User) -> None:
    add(fresh_db, alice.id, [trial("a")])
    with pytest.raises(sqlite3.IntegrityError, match="only added to"), fresh_db.write() as db:
        db.conn.execute("update trial_ledger set sharpe = 9")


def test_rows_go_with_their_account(fresh_db: Store, alice: User) -> None:
    add(fresh_db, alice.id, [trial("a")])
    with fresh_db.write():
        delete_user(fresh_db, alice.id)
    assert fresh_db.value("select count(*) from trial_ledger") == 0


def test_rows_come_newest_first_in_pages(fresh_db: Store, alice: User, bob: User) -> None:
    add(fresh_db, alice.id, [trial(name) for name in "abc"])
    add(fresh_db, alice.id, [trial("d", symbols=("ETHUSDT", "SOLUSDT"), family="fb")])
    first, more = rows(fresh_db, alice.id, limit=3)
    assert [row["config_hash"] for row in first] == ["d", "c", "b"]
    assert more is not None
    rest, end = rows(fresh_db, alice.id, limit=3, before=more)
    assert ([row["config_hash"] for row in rest], end) == (["a"], None)
    assert [row["config_hash"] for row in rows(fresh_db, alice.id, symbol="SOLUSDT")[0]] == ["d"]
    assert len(rows(fresh_db, alice.id, family="fa")[0]) == 3
    assert rows(fresh_db, bob.id) == ([], None)
