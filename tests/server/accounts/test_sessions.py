from __future__ import annotations

import pytest

from server.accounts import sessions
from server.accounts.sessions import (
    digest,
    end_all_sessions,
    end_session,
    known_address,
    list_sessions,
    session_user,
    start_session,
)
from server.accounts.users import User
from server.storage.db import Store


def test_the_secret_is_not_in_the_database(fresh_db: Store, alice: User) -> None:
    secret = start_session(fresh_db, alice.id, days=1)
    assert session_user(fresh_db, digest(secret)) == alice
    assert fresh_db.value("select count(*) from sessions where digest = ?", secret) == 0


def test_every_sign_in_gets_a_new_secret(fresh_db: Store, alice: User) -> None:
    assert start_session(fresh_db, alice.id, days=1) != start_session(fresh_db, alice.id, days=1)


def test_a_session_ends_when_its_days_are_over(
    fresh_db: Store, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = start_session(fresh_db, alice.id, days=2)
    expires = list_sessions(fresh_db, alice.id)[0].expires_at_ms
    monkeypatch.setattr(sessions, "now_ms", lambda: expires)
    assert session_user(fresh_db, digest(secret)) is None


def test_signing_out_ends_one_session(fresh_db: Store, alice: User) -> None:
    here, there = (digest(start_session(fresh_db, alice.id, days=1)) for _ in range(2))
    end_session(fresh_db, here)
    assert session_user(fresh_db, here) is None
    assert session_user(fresh_db, there) == alice


def test_signing_out_everywhere_can_keep_this_browser(
    fresh_db: Store, alice: User, bob: User
) -> None:
    here, there = (digest(start_session(fresh_db, alice.id, days=1)) for _ in range(2))
    bobs = digest(start_session(fresh_db, bob.id, days=1))
    end_all_sessions(fresh_db, alice.id, keep=here)
    assert session_user(fresh_db, here) == alice
    assert session_user(fresh_db, there) is None
    assert session_user(fresh_db, bobs) == bob
    end_all_sessions(fresh_db, alice.id)
    assert session_user(fresh_db, here) is None


def test_the_addresses_of_open_sessions_are_known(fresh_db: Store, alice: User) -> None:
    start_session(fresh_db, alice.id, days=1, address="192.0.2.1")
    assert known_address(fresh_db, "alice", "192.0.2.1")
    assert not known_address(fresh_db, "alice", "192.0.2.2")
    assert not known_address(fresh_db, "bob", "192.0.2.1")
