from __future__ import annotations

import pytest

from engine.errors import ValidationError
from server.accounts import tokens
from server.accounts.tokens import create_token, list_tokens, revoke_token, token_user, touch_token
from server.accounts.users import User
from server.storage.db import Store


def test_a_token_is_stored_as_a_hash_and_a_prefix(fresh_db: Store, alice: User) -> None:
    secret = create_token(fresh_db, alice.id, "laptop")
    assert secret.startswith("stk_")
    stored = list(fresh_db.row("select * from tokens") or ())
    assert secret not in stored
    assert secret[:10] in stored


def test_a_token_opens_until_it_is_revoked_by_its_owner(
    fresh_db: Store, alice: User, bob: User
) -> None:
    secret = create_token(fresh_db, alice.id)
    token_id = list_tokens(fresh_db, alice.id)[0].id
    assert not revoke_token(fresh_db, bob.id, token_id)
    found = token_user(fresh_db, secret)
    assert found is not None
    assert found[0] == alice
    assert revoke_token(fresh_db, alice.id, token_id)
    assert token_user(fresh_db, secret) is None


def test_a_token_expires(fresh_db: Store, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = create_token(fresh_db, alice.id, expires_days=1)
    expires = list_tokens(fresh_db, alice.id)[0].expires_at_ms
    monkeypatch.setattr(tokens, "now_ms", lambda: expires)
    assert token_user(fresh_db, secret) is None


def test_its_last_use_is_noted_once_a_minute(fresh_db: Store, alice: User) -> None:
    secret = create_token(fresh_db, alice.id)
    found = token_user(fresh_db, secret)
    assert found is not None
    assert found[1] is not None
    touch_token(fresh_db, found[1])
    assert list_tokens(fresh_db, alice.id)[0].last_used_at_ms is not None
    again = token_user(fresh_db, secret)
    assert again is not None
    assert again[1] is None


def test_a_label_one_past_its_length_is_refused(fresh_db: Store, alice: User) -> None:
    create_token(fresh_db, alice.id, "x" * 120)
    with pytest.raises(ValidationError):
        create_token(fresh_db, alice.id, "x" * 121)
