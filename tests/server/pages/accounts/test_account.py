import re

from server.accounts.sessions import list_sessions
from server.accounts.tokens import create_token, list_tokens
from server.accounts.users import find_user, set_quotas
from server.backtests import backtest
from server.backtests.shares import create_share
from server.jobs import queue
from server.strategies.strategy import create_strategy
from tests.server.builders import queue_runs
from tests.server.conftest import PASSWORD


def test_signing_up_signs_in_and_the_first_account_is_the_administrator(clients, submit, fresh_db):
    browser = clients.charlie()
    answer = submit(browser, "/signup", name="first", password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert find_user(fresh_db, "first").is_admin
    assert "first, administrator" in browser.get("/account").text


def test_a_bad_name_and_a_short_password_are_both_said_at_their_fields(clients, submit):
    page = submit(clients.charlie(), "/signup", name="!", password="short")
    assert page.status_code == 422
    assert re.search(r'id="err-name"[^>]*>must be 2 to 64', page.text)
    assert re.search(r'id="err-password"[^>]*>must have 10 to 256', page.text)
    assert page.text.count('aria-invalid="true"') == 2


def test_a_wrong_password_keeps_the_name_and_says_no_more_than_needed(clients, submit, alice):
    page = submit(clients.charlie(), "/login", name="alice", password="wrong wrong wrong")
    assert page.status_code == 422
    assert "The name or the password is wrong." in page.text
    assert 'value="alice"' in page.text


def test_signing_in_leads_back_to_where_one_was_going(clients, submit, alice):
    browser = clients.charlie()
    answer = submit(browser, "/login", name="alice", password=PASSWORD, next="/account?done=x")
    assert answer.headers["location"] == "/account?done=x"


def test_who_was_signed_out_meanwhile_comes_back_to_the_page_and_not_to_a_part_of_it(clients):
    shown = "http://testserver.local/backtests?sort=total_return"
    headers = {"HX-Request": "true", "HX-Current-URL": shown}
    answer = clients.charlie().get("/backtests/bt_1/progress", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/login?next=/backtests%3Fsort%3Dtotal_return"


def test_a_form_that_has_expired_needs_no_permission_but_a_reload(clients, alice):
    answer = clients.browser(alice).post("/account/tokens", data={"label": "x"})
    assert answer.status_code == 403
    assert "This form has expired" in answer.text
    assert "can allow it" not in answer.text


def test_signing_in_never_leads_to_another_site(clients, submit, alice):
    answer = submit(
        clients.charlie(), "/login", name="alice", password=PASSWORD, next="//evil.example"
    )
    assert answer.headers["location"] == "/"


def test_signing_out_ends_the_session(clients, submit, alice, fresh_db):
    browser = clients.browser(alice)
    assert submit(browser, "/logout").headers["location"] == "/login"
    assert list_sessions(fresh_db, alice.id) == []


def test_a_token_is_shown_once(clients, submit, alice):
    browser = clients.browser(alice)
    page = submit(browser, "/account/tokens", label="notebook")
    secret = re.search(r"stk_[\w-]{40,}", page.text)
    assert secret
    assert secret.group() not in browser.get("/account").text


def test_another_users_token_cannot_be_revoked(clients, submit, alice, bob, fresh_db):
    submit(clients.browser(alice), "/account/tokens", label="mine")
    (token,) = list_tokens(fresh_db, alice.id)
    answer = submit(clients.browser(bob), f"/account/tokens/{token.id}/revoke")
    assert answer.status_code == 404
    assert len(list_tokens(fresh_db, alice.id)) == 1


def test_changing_the_password_needs_the_current_one(clients, submit, alice):
    page = submit(
        clients.browser(alice), "/account/password", current="no", password="another password"
    )
    assert page.status_code == 422
    assert re.search(r'id="err-current"[^>]*>the password is wrong', page.text)


def test_a_wrong_password_and_a_short_new_one_are_both_said(clients, submit, alice):
    answer = submit(
        clients.browser(alice), "/account/password", current="not it at all", password="short"
    )
    assert "the password is wrong" in answer.text
    assert ">must have 10 to 256 characters</p>" in answer.text


def test_changing_the_password_keeps_this_browser_and_ends_the_others(
    clients, submit, alice, fresh_db
):
    here, there = clients.browser(alice), clients.browser(alice)
    answer = submit(here, "/account/password", current=PASSWORD, password="another password")
    assert answer.headers["location"] == "/account?done=password"
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 303


def test_signing_out_everywhere_ends_every_session(clients, submit, alice, fresh_db):
    here, there = clients.browser(alice), clients.browser(alice)
    submit(here, "/account/sessions/end")
    assert there.get("/account").headers["location"].startswith("/login")


def test_deleting_the_account_needs_the_password_and_removes_it(clients, submit, alice, fresh_db):
    browser = clients.browser(alice)
    assert submit(browser, "/account/delete", confirm_password="no").status_code == 422
    answer = submit(browser, "/account/delete", confirm_password=PASSWORD)
    assert answer.headers["location"] == "/"
    assert find_user(fresh_db, "alice") is None


def test_deleting_the_account_takes_everything_it_owns_and_nothing_else(
    clients, submit, services, alice, bob, worker
):
    store = services.store
    for user in (alice, bob):
        made = queue_runs(store, services.settings, user)[0]
        services.artifacts.store(made.id, {"log.txt": b"hello"})
        create_strategy(store, user.id, "Cross", "v1", worker.report)
        create_token(store, user.id)
        create_share(store, user.id, made.id, with_code=False, days=1)
    submit(clients.browser(alice), "/account/delete", confirm_password=PASSWORD)
    tables = ("users", "backtests", "strategies", "strategy_versions", "tokens", "shares")
    assert {name: store.value(f"select count(*) from {name}") for name in tables} == dict.fromkeys(
        tables, 1
    )
    assert store.value("select count(*) from sessions") == 0
    assert [*services.artifacts.ids()] == [backtest.ids_of(store, bob.id)[0]]


def test_the_only_administrator_does_not_leave_others_without_one(
    clients, submit, ada, alice, fresh_db
):
    answer = submit(clients.browser(ada), "/account/delete", confirm_password=PASSWORD)
    assert (answer.status_code, "the only administrator" in answer.text) == (409, True)
    assert find_user(fresh_db, "ada") is not None


def test_an_administrator_who_is_alone_may_go(clients, submit, ada, fresh_db):
    submit(clients.browser(ada), "/account/delete", confirm_password=PASSWORD)
    assert find_user(fresh_db, "ada") is None


def test_everybody_sees_what_they_use_and_may_use(clients, services, alice, bob):
    queue_runs(services.store, services.settings, alice, 3)
    queue_runs(services.store, services.settings, bob, 1)
    queue.claim(services.store, services.settings)
    set_quotas(services.store, alice.id, max_storage_mb=5)
    text = clients.browser(alice).get("/account").text
    shown = re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", text)
    assert shown == [
        ("Running at once", "1 of 2"),
        ("Waiting", "2 of 1,000"),
        # Of three runs, 16,384 bytes and their code of 22, which is stored once as well.
        ("Stored, and set aside for waiting runs", "48.1 KiB of 5.0 MiB"),
    ]
