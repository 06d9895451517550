from __future__ import annotations

from sandbox.job import CheckReport
from server.accounts.users import User
from server.storage.db import Store
from server.storage.texts import content_hash, put_blob, sweep_blobs
from server.strategies.strategy import create_strategy, delete_strategy


def text_of(store: Store, name: str) -> str | None:
    return store.value("select body from blobs where sha256 = ?", name)


def test_the_same_text_is_kept_once(fresh_db: Store) -> None:
    assert put_blob(fresh_db, "code") == put_blob(fresh_db, "code") == content_hash("code")
    assert fresh_db.value("select count(*) from blobs") == 1
    assert text_of(fresh_db, content_hash("code")) == "code"


def test_a_text_that_nothing_names_is_dropped(fresh_db: Store, alice: User) -> None:
    kept = create_strategy(fresh_db, alice.id, "kept", "kept", CheckReport())
    put_blob(fresh_db, "unused")
    assert sweep_blobs(fresh_db) == 1
    assert text_of(fresh_db, content_hash("kept")) == "kept"
    delete_strategy(fresh_db, alice.id, kept.id)
    assert text_of(fresh_db, content_hash("kept")) is None


def test_sweeping_some_leaves_the_others(fresh_db: Store) -> None:
    first = put_blob(fresh_db, "first")
    second = put_blob(fresh_db, "second")
    assert sweep_blobs(fresh_db, first) == 1
    assert text_of(fresh_db, second) == "second"
