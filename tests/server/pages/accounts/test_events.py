from __future__ import annotations

import re

from server.accounts import audit
from server.accounts.audit import by, list_entries, record
from server.accounts.tokens import list_tokens
from tests.server.builders import queue_runs
from tests.server.conftest import PASSWORD


def events(store, owner=None):
    return [entry.kind for entry in reversed(list_entries(store, owner, limit=500)[0])]


def test_what_an_account_does_is_told_in_its_order(clients, submit, fresh_db, services):
    browser = clients.charlie()
    submit(browser, "/signup", name="carol", password=PASSWORD)
    submit(browser, "/account/tokens", label="desk", scope="read", expires_days="7")
    carol = services.store.value("select id from users where name = 'carol'")
    (token,) = list_tokens(fresh_db, carol)
    submit(browser, f"/account/tokens/{token.id}/revoke")
    submit(browser, "/account/password", current=PASSWORD, password="another password")
    submit(browser, "/logout")
    submit(browser, "/login", name="carol", password="wrong wrong wrong")
    submit(browser, "/login", name="carol", password="another password")
    submit(browser, "/account/sessions/end")
    submit(browser, "/login", name="carol", password="another password")
    submit(browser, "/account/delete", confirm_password="another password")
    assert events(fresh_db, carol) == [
        "account_made",
        "signed_in",
        "token_made",
        "token_revoked",
        "password_changed",
        "signed_in",
        "signed_out",
        "sign_in_failed",
        "signed_in",
        "signed_out_everywhere",
        "signed_in",
        "account_deleted",
    ]
    told = " ".join(str(entry) for entry in list_entries(fresh_db, limit=500)[0])
    assert "desk, scope read, expires after 7 days" in told
    assert not any(secret in told for secret in (PASSWORD, "another password", "wrong wrong"))
    assert {entry.address for entry in list_entries(fresh_db)[0]} == {"testclient"}


def test_links_to_results_are_told(clients, submit, alice, fresh_db, services):
    (run,) = queue_runs(services.store, services.settings, alice)
    browser = clients.browser(alice)
    submit(browser, f"/backtests/{run.id}/shares", days="7")
    share = fresh_db.value("select id from shares")
    submit(browser, f"/backtests/{run.id}/shares/{share}/revoke")
    assert events(fresh_db, alice.id) == ["share_made", "share_revoked"]
    assert list_entries(fresh_db)[0][0].detail == run.id


def test_what_administrators_do_is_told_to_the_account_without_their_address(
    clients, submit, ada, alice, fresh_db
):
    browser = clients.browser(ada)
    submit(browser, f"/admin/users/{alice.id}/quotas", max_running="1")
    submit(browser, f"/admin/users/{alice.id}/disable")
    submit(browser, f"/admin/users/{alice.id}/disable")
    assert events(fresh_db, alice.id) == ["limits_changed", "account_locked", "account_unlocked"]
    shown = clients.browser(alice).get("/account/events").text
    assert "account locked" in shown
    assert "ada" in shown
    assert "testclient" not in shown
    assert "testclient" in browser.get("/admin/events").text


def test_an_account_sees_its_own_events_alone(clients, alice, bob, fresh_db):
    record(fresh_db, "password_changed", by(bob, "192.0.2.9"))
    assert "192.0.2.9" not in clients.browser(alice).get("/account/events").text
    assert clients.browser(alice).get("/admin/events").status_code == 403
    assert "Nothing yet." in clients.browser(alice).get("/account/events").text


def test_older_events_are_a_page_away(clients, alice, fresh_db):
    for _ in range(51):
        record(fresh_db, "signed_in", by(alice, "192.0.2.9"))
    browser = clients.browser(alice)
    first = browser.get("/account/events").text
    assert first.count("192.0.2.9") == 50
    older = re.search(r'href="(/account/events\?before=\d+)"', first)
    assert older is not None
    rest = browser.get(older[1]).text
    assert (rest.count("192.0.2.9"), "Older events" in rest) == (1, False)


def test_every_kind_has_words(clients):
    from server.pages.accounts.events import WORDS

    assert set(WORDS) == set(audit.KINDS)
