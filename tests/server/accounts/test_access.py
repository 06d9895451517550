from __future__ import annotations

from dataclasses import replace

import pytest

from engine.errors import ValidationError
from server.accounts.access import confirm_password, identify, local_path, sign_in, sign_up
from server.accounts.passwords import Passwords
from server.accounts.sessions import start_session
from server.accounts.throttle import LoginThrottle
from server.accounts.tokens import create_token
from server.accounts.users import User
from server.problems import Forbidden, Invalid, TooMany
from server.services import Services
from server.settings import Settings
from server.storage.db import Store
from tests.server.conftest import FakeWorker

PASSWORD = "correct horse battery"


def test_a_session_cookie_and_a_token_both_identify(fresh_db: Store, alice: User) -> None:
    cookie = start_session(fresh_db, alice.id, days=1)
    token = create_token(fresh_db, alice.id)
    by_cookie = identify(fresh_db, "", cookie)
    by_token = identify(fresh_db, f"Bearer {token}", None)
    assert by_cookie[0] == by_token[0] == alice
    assert by_cookie[1] is not None
    assert by_token[1] is not None
    assert (by_cookie[1].via, by_token[1].via) == ("session", "token")


def test_a_bad_token_is_nobody_even_beside_a_good_cookie(fresh_db: Store, alice: User) -> None:
    cookie = start_session(fresh_db, alice.id, days=1)
    assert identify(fresh_db, "Bearer stk_wrong", cookie) == (None, None)
    assert identify(fresh_db, "Basic YTpi", cookie) == (None, None)


def test_sign_in_mints_a_new_session(
    fresh_db: Store, passwords: Passwords, settings: Settings, alice: User
) -> None:
    user, secret = sign_in(
        fresh_db,
        passwords,
        LoginThrottle(),
        settings,
        name="alice",
        password=PASSWORD,
        address="192.0.2.1",
    )
    assert user == alice
    assert identify(fresh_db, "", secret)[0] == alice


def test_the_sixth_wrong_password_has_to_wait(
    fresh_db: Store, passwords: Passwords, settings: Settings, alice: User
) -> None:
    throttle = LoginThrottle()

    def attempt(password: str) -> None:
        sign_in(
            fresh_db,
            passwords,
            throttle,
            settings,
            name="alice",
            password=password,
            address="192.0.2.1",
        )

    for _ in range(5):
        with pytest.raises(Invalid):
            attempt("wrong horse battery")
    with pytest.raises(TooMany, match="try again in 5 minutes"):
        attempt(PASSWORD)


def test_sign_up_is_refused_where_it_is_closed(services: Services) -> None:
    closed = services.settings.model_copy(update={"signup": "closed"})
    with pytest.raises(Forbidden):
        sign_up(replace(services, settings=closed), "alice", PASSWORD)
    assert sign_up(services, "alice", PASSWORD).is_admin


def test_sign_up_is_closed_beside_a_room_without_seccomp(
    services: Services, worker: FakeWorker
) -> None:
    worker.room["layers"] = {"seccomp": False, "landlock": "ABI 7"}
    with pytest.raises(Forbidden):
        sign_up(services, "alice", PASSWORD)


def test_a_change_of_password_asks_for_the_old_one(
    fresh_db: Store, passwords: Passwords, alice: User
) -> None:
    confirm_password(fresh_db, passwords, LoginThrottle(), alice, PASSWORD, "192.0.2.1")
    with pytest.raises(ValidationError):
        confirm_password(fresh_db, passwords, LoginThrottle(), alice, "wrong", "192.0.2.1")


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil", "https://evil", "", None, "/a\nb"])
def test_a_way_back_leads_nowhere_else(target: str | None) -> None:
    assert local_path(target) == "/"
    assert local_path("/backtests?x=1") == "/backtests?x=1"
