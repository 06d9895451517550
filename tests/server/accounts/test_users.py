from __future__ import annotations

import pytest

from engine.errors import ValidationError
from server.accounts.passwords import Passwords
from server.accounts.sessions import digest, session_user, start_session
from server.accounts.tokens import create_token, token_user
from server.accounts.users import (
    NameTakenError,
    User,
    check_credentials,
    create_user,
    delete_user,
    get_user,
    list_users,
    set_disabled,
    set_password,
    set_quotas,
)
from server.storage.db import Store
from tests.server.conftest import CheapHasher

PASSWORD = "correct horse battery"


def test_the_first_account_is_the_administrator(fresh_db: Store, passwords: Passwords) -> None:
    first = create_user(fresh_db, passwords, "first", PASSWORD)
    second = create_user(fresh_db, passwords, "second", PASSWORD)
    assert (first.is_admin, second.is_admin) == (True, False)


def test_names_differ_by_more_than_their_case(
    fresh_db: Store, passwords: Passwords, alice: User
) -> None:
    with pytest.raises(NameTakenError):
        create_user(fresh_db, passwords, "ALICE", PASSWORD)


def test_a_bad_name_and_a_bad_password_are_reported_together(
    fresh_db: Store, passwords: Passwords
) -> None:
    with pytest.raises(ValidationError) as caught:
        create_user(fresh_db, passwords, "<b>", "short")
    assert sorted(caught.value.fields) == ["name", "password"]


def test_the_right_password_opens_and_a_wrong_one_does_not(
    fresh_db: Store, passwords: Passwords, alice: User
) -> None:
    assert check_credentials(fresh_db, passwords, "Alice", PASSWORD) == alice
    assert check_credentials(fresh_db, passwords, "alice", "wrong horse") is None
    assert check_credentials(fresh_db, passwords, "nobody", PASSWORD) is None


def test_a_disabled_account_opens_for_nothing(
    fresh_db: Store, passwords: Passwords, alice: User
) -> None:
    session = start_session(fresh_db, alice.id, days=1)
    token = create_token(fresh_db, alice.id)
    set_disabled(fresh_db, alice.id, True)
    assert check_credentials(fresh_db, passwords, "alice", PASSWORD) is None
    assert session_user(fresh_db, digest(session)) is None
    assert token_user(fresh_db, token) is None


def test_a_new_password_signs_out_everywhere(
    fresh_db: Store, passwords: Passwords, alice: User
) -> None:
    session = start_session(fresh_db, alice.id, days=1)
    set_password(fresh_db, passwords, alice.id, "another battery staple")
    assert session_user(fresh_db, digest(session)) is None
    assert check_credentials(fresh_db, passwords, "alice", "another battery staple")


def test_quotas_of_one_account_can_be_set_and_returned_to_the_setting(
    fresh_db: Store, alice: User
) -> None:
    set_quotas(fresh_db, alice.id, max_running=5, max_storage_mb=0)
    found = get_user(fresh_db, alice.id)
    assert found is not None
    assert (found.max_running, found.max_storage_mb) == (5, 0)
    set_quotas(fresh_db, alice.id, max_running=None)
    found = get_user(fresh_db, alice.id)
    assert found is not None
    assert found.max_running is None


def test_a_deleted_account_takes_everything_it_owns_along(
    fresh_db: Store, alice: User, bob: User
) -> None:
    start_session(fresh_db, alice.id, days=1)
    create_token(fresh_db, alice.id)
    create_token(fresh_db, bob.id)
    delete_user(fresh_db, alice.id)
    assert list_users(fresh_db) == [bob]
    assert fresh_db.value("select count(*) from sessions") == 0
    assert fresh_db.value("select count(*) from tokens") == 1


@pytest.mark.parametrize("name", ["!", "alice"])
def test_a_name_is_judged_before_anything_slow_is_done(
    fresh_db: Store, alice: User, name: str
) -> None:
    class NoHasher(CheapHasher):
        def hash(self, password: str) -> str:
            raise AssertionError("hashed for a name that cannot be")

    with pytest.raises(ValidationError):
        create_user(fresh_db, Passwords(NoHasher()), name, "x" * 10)
