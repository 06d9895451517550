from __future__ import annotations

import io
import os
import sqlite3
from pathlib import Path

import pytest

from server.__main__ import main
from server.accounts import audit
from server.accounts.audit import Actor, by, list_entries, record, record_failure
from server.accounts.users import User
from server.storage.db import Store
from tests.server.builders import sqlite_error

HERE = "192.0.2.7"


def kinds(store: Store, owner: int | None = None) -> list[str]:
    return [entry.kind for entry in list_entries(store, owner, limit=500)[0]]


def test_an_event_says_who_what_from_where_and_when(
    fresh_db: Store, ada: User, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "now_ms", lambda: 1_700_000_000_000)
    record(fresh_db, "account_locked", by(ada, HERE), alice)
    (entry,) = list_entries(fresh_db)[0]
    assert (entry.kind, entry.actor, entry.subject) == ("account_locked", "ada", "alice")
    assert (entry.address, entry.at_ms) == (HERE, 1_700_000_000_000)
    assert kinds(fresh_db, alice.id) == ["account_locked"]
    assert kinds(fresh_db, ada.id) == []


def test_rows_are_not_changed(fresh_db: Store, alice: User) -> None:
    record(fresh_db, "signed_in", by(alice, HERE))
    with pytest.raises(sqlite3.IntegrityError, match="only added to"), fresh_db.write() as db:
        db.conn.execute("update audit set actor = 'bob'")


def test_an_event_that_is_undone_is_not_told(fresh_db: Store, alice: User) -> None:
    def undone() -> None:
        with fresh_db.write():
            record(fresh_db, "token_made", by(alice, HERE))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        undone()
    assert kinds(fresh_db) == []


def test_a_failed_sign_in_names_what_was_tried_cleaned(fresh_db: Store, alice: User) -> None:
    record_failure(fresh_db, "alice", alice, HERE)
    record_failure(fresh_db, "ad\x1bm\u202ein" + "x" * 100, None, HERE)
    record_failure(fresh_db, "stk_abcdefghijklmnop", None, HERE)
    subjects = [entry.subject for entry in list_entries(fresh_db)[0]]
    assert subjects == ["stk_...", "admin" + "x" * 59, "alice"]
    assert kinds(fresh_db, alice.id) == ["sign_in_failed"]


def test_a_database_that_takes_no_rows_does_not_hide_a_wrong_password(
    fresh_db: Store, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite_error(sqlite3.SQLITE_FULL)

    monkeypatch.setattr(audit, "_insert", full)
    record_failure(fresh_db, "alice", alice, HERE)
    assert kinds(fresh_db, alice.id) == []


def test_pages_follow_each_other_without_a_gap(fresh_db: Store, alice: User) -> None:
    for _ in range(5):
        record(fresh_db, "signed_in", by(alice, HERE))
    first, more = list_entries(fresh_db, limit=3)
    rest, end = list_entries(fresh_db, before=more, limit=3)
    assert [entry.seq for entry in (*first, *rest)] == [5, 4, 3, 2, 1]
    assert end is None


def test_strangers_failures_do_not_push_out_what_an_account_did(
    fresh_db: Store, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "MAX_ROWS_EACH", 3)
    monkeypatch.setattr(audit, "TRIM_EVERY", 1)
    record(fresh_db, "password_changed", by(alice, HERE))
    for _ in range(5):
        record_failure(fresh_db, "alice", alice, HERE)
    for _ in range(4):
        record_failure(fresh_db, "nobody", None, HERE)
    assert kinds(fresh_db, alice.id).count("sign_in_failed") == 3
    assert "password_changed" in kinds(fresh_db, alice.id)
    assert len(kinds(fresh_db)) == 3 + 1 + 3


def test_one_past_the_bound_of_all_goes_the_oldest_first(
    fresh_db: Store, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "MAX_ROWS", 3)
    monkeypatch.setattr(audit, "TRIM_EVERY", 1)
    for _ in range(4):
        record(fresh_db, "signed_in", by(alice, HERE))
    assert [entry.seq for entry in list_entries(fresh_db)[0]] == [4, 3, 2]


def test_what_is_older_than_the_days_goes(
    fresh_db: Store, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(fresh_db, "signed_in", by(alice, HERE))
    soon = list_entries(fresh_db)[0][0].at_ms + audit.MAX_DAYS * 86_400_000
    monkeypatch.setattr(audit, "now_ms", lambda: soon)
    audit.trim(fresh_db)
    assert kinds(fresh_db) == ["signed_in"]
    monkeypatch.setattr(audit, "now_ms", lambda: soon + 1)
    audit.trim(fresh_db)
    assert kinds(fresh_db) == []


def test_what_is_typed_at_the_shell_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SANDTABLE_RESULTS_DIRECTORY", str(tmp_path))
    for words in (["add", "bob"], ["password", "bob"]):
        monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
        assert main(["user", *words]) == 0
    capsys.readouterr()
    assert main(["token", "create", "--user", "bob", "--scope", "read", "--days", "7"]) == 0
    secret = capsys.readouterr().out.strip()
    assert main(["user", "disable", "bob"]) == 0
    entries, _ = list_entries(Store(tmp_path / "sandtable.db"))
    assert [entry.kind for entry in reversed(entries)] == [
        "account_made",
        "password_changed",
        "token_made",
        "account_locked",
    ]
    assert {(entry.actor, entry.subject) for entry in entries} == {
        (f"shell (uid {os.getuid()})", "bob")
    }
    assert entries[1].detail == "scope read, expires after 7 days"
    assert secret not in (tmp_path / "sandtable.db").read_bytes().decode("latin-1")


def test_an_actor_without_an_account_is_told_by_name(fresh_db: Store, alice: User) -> None:
    record(fresh_db, "account_locked", Actor("shell (uid 5)"), alice)
    assert list_entries(fresh_db)[0][0].actor == "shell (uid 5)"
