from __future__ import annotations

import re

import pytest

from server.accounts import sessions
from server.accounts.sessions import CONFIRMED_MS
from server.accounts.tokens import list_tokens
from server.accounts.users import get_user
from tests.server.conftest import PASSWORD


@pytest.fixture
def later(monkeypatch):
    """Makes it five minutes later: what was confirmed does not count any more."""

    def wait(ms=CONFIRMED_MS):
        now = sessions.now_ms()
        monkeypatch.setattr(sessions, "now_ms", lambda: now + ms)

    return wait


def test_a_new_token_wants_the_password_of_the_last_five_minutes(
    clients, submit, alice, fresh_db, later
):
    browser = clients.browser(alice)
    assert submit(browser, "/account/tokens", label="in time").status_code == 200
    later()
    asked = submit(browser, "/account/tokens", label="too late", scope="read")
    assert asked.status_code == 403
    assert [token.label for token in list_tokens(fresh_db, alice.id)] == ["in time"]
    # The form that waits is in the page: nothing is typed twice.
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="(.*?)"', asked.text))
    assert fields.pop("_csrf_token")
    assert fields == {"label": "too late", "scope": "read"}
    assert 'action="/account/tokens"' in asked.text
    wrong = submit(browser, "/account/tokens", **fields, confirm_with="not the password")
    assert (wrong.status_code, "the password is wrong" in wrong.text) == (422, True)
    assert "not the password" not in wrong.text
    assert submit(browser, "/account/tokens", **fields, confirm_with=PASSWORD).status_code == 200
    assert list_tokens(fresh_db, alice.id)[0].scope == "read"
    # It counts for the next one, too.
    assert submit(browser, "/account/tokens", label="next").status_code == 200


@pytest.mark.parametrize("action", ["disable", "quotas"])
def test_administrators_are_asked_before_they_change_an_account(
    clients, submit, ada, alice, fresh_db, later, action
):
    browser = clients.browser(ada)
    later()
    path = f"/admin/users/{alice.id}/{action}"
    assert submit(browser, path, max_running="7").status_code == 403
    assert get_user(fresh_db, alice.id) == alice
    submit(browser, path, max_running="7", confirm_with=PASSWORD)
    assert get_user(fresh_db, alice.id) != alice


def test_administrators_are_asked_before_they_change_the_history(clients, submit, ada, later):
    browser = clients.browser(ada)
    later()
    assert submit(browser, "/data/add/downloads", symbol="BTCUSDT").status_code == 403
    files = {"file": ("a.csv", b"x")}
    asked = submit(browser, "/data/add/upload", files=files, symbol="BTCUSDT")
    assert (asked.status_code, 'type="file"' in asked.text) == (403, True)


def test_a_session_from_before_the_rule_is_asked(clients, submit, alice, fresh_db):
    browser = clients.browser(alice)
    with fresh_db.write() as db:
        db.conn.execute("update sessions set confirmed_at_ms = 0")
    assert submit(browser, "/account/tokens", label="x").status_code == 403


def test_guesses_are_counted_as_at_sign_in(clients, submit, alice, later):
    browser = clients.browser(alice)
    later()
    for _ in range(5):
        submit(browser, "/account/tokens", label="x", confirm_with="wrong")
    answer = submit(browser, "/account/tokens", label="x", confirm_with=PASSWORD)
    assert answer.status_code == 429
