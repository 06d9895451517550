from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from litestar import _parsers
from litestar.testing import TestClient

from server.accounts import form_tokens
from server.accounts.access import CSRF_COOKIE, SESSION_COOKIE
from server.accounts.form_tokens import MAX_FIELDS, form_fields, masked, new_token, unmasked
from server.accounts.sessions import start_session
from server.accounts.users import User
from server.problems import Invalid
from tests.server.conftest import PASSWORD, Clients

KEY = "k" * 32
FIELD = re.compile(r'name="_csrf_token" value="([0-9a-f]+)"')


def secure(clients: Clients) -> TestClient[Any]:
    """A browser that reaches the service by https."""
    client = clients.charlie(accept="text/html")
    client.base_url = "https://testserver.local"
    return client


def test_a_mask_hides_the_token_anew_each_time() -> None:
    token = new_token(KEY)
    one, other = masked(token), masked(token)
    assert one != other
    assert token not in one
    assert unmasked(one) == unmasked(other) == token


@pytest.mark.parametrize("text", ["", "zz", "\udcff", "00", "0" * 256, "ü" * 256])
def test_what_is_no_masked_token_does_not_become_one(text: str) -> None:
    assert unmasked(text) != new_token(KEY)


def test_no_page_holds_the_cookies_value_and_no_two_pages_the_same(clients: Clients) -> None:
    browser = clients.charlie(accept="text/html")
    pages = [browser.get("/login").text for _ in range(2)]
    cookie = browser.cookies[CSRF_COOKIE]
    fields = [FIELD.search(page) for page in pages]
    assert all(cookie not in page for page in pages)
    assert fields[0] is not None
    assert fields[1] is not None
    assert fields[0][1] != fields[1][1]


def test_a_form_is_taken_with_its_own_field_alone(clients: Clients, alice: User) -> None:
    browser = clients.charlie(accept="text/html")
    field = FIELD.search(browser.get("/login").text)
    assert field is not None
    data = {"name": "alice", "password": PASSWORD, "_csrf_token": field[1]}
    assert browser.post("/login", data=data).status_code == 303


def test_a_cookie_that_the_service_did_not_sign_proves_nothing(
    clients: Clients, alice: User
) -> None:
    browser = clients.charlie(accept="text/html")
    forged = new_token("another key altogether")
    browser.cookies.set(CSRF_COOKIE, forged)
    data = {"name": "alice", "password": PASSWORD, "_csrf_token": forged}
    answer = browser.post("/login", data=data)
    assert (answer.status_code, "This form has expired" in answer.text) == (403, True)


def test_cookies_are_bound_to_the_host_where_there_is_tls(clients: Clients, alice: User) -> None:
    browser = secure(clients)
    shown = browser.get("/login")
    field = FIELD.search(shown.text)
    assert field is not None
    data = {"name": "alice", "password": PASSWORD, "_csrf_token": field[1]}
    answer = browser.post("/login", data=data)
    lines = [*shown.headers.get_list("set-cookie"), *answer.headers.get_list("set-cookie")]
    names = {line.partition("=")[0] for line in lines}
    assert names == {f"__Host-{CSRF_COOKIE}", f"__Host-{SESSION_COOKIE}"}
    for line in lines:
        assert "secure" in line.lower()
        assert "path=/" in line.lower()
        assert "domain=" not in line.lower()
    assert browser.get("/account").status_code == 200


def test_a_session_set_without_tls_opens_nothing_with_it(clients: Clients, alice: User) -> None:
    browser = secure(clients)
    browser.cookies.set(SESSION_COOKIE, start_session(clients.store, alice.id, days=1))
    assert browser.get("/account").headers["location"].startswith("/login")


def test_a_token_of_the_api_sends_no_forms(clients: Clients, alice: User) -> None:
    script = clients.script(alice)
    for path in ("/account/tokens", "/account/sessions/end", "/backtests/delete", "/logout"):
        answer = script.post(path, data={"label": "x"}, headers={"accept": "application/json"})
        assert (answer.status_code, answer.json()["error"]) == (403, "session_required")


def test_one_field_too_many_is_refused_before_it_is_taken_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    most = b"&".join([b"a=1"] * MAX_FIELDS)
    assert form_fields(most) == {"a": ["1"] * MAX_FIELDS}
    monkeypatch.setattr(form_tokens, "parse_qsl", None)
    with pytest.raises(Invalid) as refused:
        form_fields(most + b"&")
    wrong = {"fields": {"form": ["has 1,001 fields and may have 1,000"]}}
    assert refused.value.details == wrong


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", {}),
        (b"a=1&b=x+y&c=", {"a": "1", "b": "x y", "c": ""}),
        (b"a=1&a=2", {"a": ["1", "2"]}),
        (b"name=%C3%BC%26&%zz=%e2%82", {"name": "ü&", "%zz": "\ufffd"}),
    ],
)
def test_a_form_is_read_as_browsers_write_it(body: bytes, fields: dict[str, Any]) -> None:
    assert form_fields(body) == fields


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", ""])
def test_the_framework_takes_no_form_apart_on_the_event_loop(
    clients: Clients, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where the page's token comes in a header, or the body under another name."""
    threads: list[str] = []

    def noted(body: bytes) -> dict[str, Any]:
        threads.append(threading.current_thread().name)
        return form_fields(body)

    monkeypatch.setattr(form_tokens, "form_fields", noted)
    charlie = clients.charlie()
    charlie.get("/login")
    loop = charlie.blocking_portal.call(threading.current_thread).name
    before = _parsers.parse_url_encoded_form_data.cache_info().misses
    answer = charlie.post(
        "/login",
        content=b"name=x&password=" + b"%41" * 100_000,
        headers={"X-CSRFToken": charlie.cookies[CSRF_COOKIE], "Content-Type": kind},
    )
    assert answer.status_code in (401, 422)
    assert _parsers.parse_url_encoded_form_data.cache_info().misses == before
    assert len(threads) == (kind == "application/x-www-form-urlencoded")
    assert loop not in threads


def test_a_form_with_too_many_fields_is_answered_422(clients: Clients) -> None:
    charlie = clients.charlie()
    charlie.get("/login")
    answer = charlie.post(
        "/login",
        content=b"a=1&" * 500_000,
        headers={
            "X-CSRFToken": charlie.cookies[CSRF_COOKIE],
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    assert answer.status_code == 422
