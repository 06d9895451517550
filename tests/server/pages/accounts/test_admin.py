import pytest

from server.accounts.users import get_user
from server.backtests.backtest import get_backtest
from server.pages.accounts import admin
from tests.server.builders import queue_runs


def test_only_administrators_may_look(clients, alice, ada):
    assert clients.browser(alice).get("/admin").status_code == 403
    page = clients.browser(ada).get("/admin").text
    assert "alice" in page


def test_the_room_that_is_left_is_shown(clients, ada, monkeypatch):
    monkeypatch.setattr(admin, "free_bytes", lambda path: 3 * 1024**3)
    assert "<dt>Free on the disk</dt><dd>3.0 GiB</dd>" in clients.browser(ada).get("/admin").text


def test_an_account_is_locked_and_unlocked(clients, submit, ada, alice, fresh_db):
    browser = clients.browser(ada)
    submit(browser, f"/admin/users/{alice.id}/disable")
    assert get_user(fresh_db, alice.id).disabled
    submit(browser, f"/admin/users/{alice.id}/disable")
    assert not get_user(fresh_db, alice.id).disabled


def test_the_only_administrator_cannot_be_locked_out(clients, submit, ada, fresh_db):
    assert submit(clients.browser(ada), f"/admin/users/{ada.id}/disable").status_code == 409
    assert not get_user(fresh_db, ada.id).disabled


def test_quotas_are_set_and_emptied(clients, submit, ada, alice, fresh_db):
    browser = clients.browser(ada)
    submit(browser, f"/admin/users/{alice.id}/quotas", max_running="1", max_queued="5")
    assert (get_user(fresh_db, alice.id).max_running, get_user(fresh_db, alice.id).max_queued) == (
        1,
        5,
    )
    submit(browser, f"/admin/users/{alice.id}/quotas")
    assert get_user(fresh_db, alice.id).max_running is None


def test_a_quota_that_is_no_number_changes_nothing(clients, submit, ada, alice, fresh_db):
    answer = submit(clients.browser(ada), f"/admin/users/{alice.id}/quotas", max_running="many")
    assert answer.status_code == 422
    assert "must be a whole number, or empty" in answer.text


def test_every_wrong_quota_is_said_where_it_was_typed_and_kept(clients, submit, ada, alice):
    answer = submit(
        clients.browser(ada),
        f"/admin/users/{alice.id}/quotas",
        max_running="-1",
        max_queued="7",
        max_storage_mb="some",
    )
    assert answer.text.count('aria-invalid="true"') == 2
    assert "running: must be a whole number, or empty" in answer.text
    assert "MB: must be a whole number, or empty" in answer.text
    assert 'value="some"' in answer.text


def test_a_quota_one_past_the_largest_is_refused(clients, submit, ada, alice, fresh_db):
    browser, path = clients.browser(ada), f"/admin/users/{alice.id}/quotas"
    assert submit(browser, path, max_running="1000000000").status_code == 303
    for number in ("1000000001", "9" * 30):
        answer = submit(browser, path, max_running=number)
        assert (answer.status_code, "must be 0 to 1,000,000,000" in answer.text) == (422, True)
    assert get_user(fresh_db, alice.id).max_running == 1_000_000_000


def test_an_account_of_an_endless_number_is_not_there(clients, submit, ada):
    assert submit(clients.browser(ada), f"/admin/users/{'9' * 30}/disable").status_code == 404


@pytest.mark.parametrize("action", ["disable", "quotas"])
def test_an_ordinary_user_may_change_nothing(clients, submit, alice, bob, action):
    answer = submit(clients.browser(alice), f"/admin/users/{bob.id}/{action}")
    assert answer.status_code == 403


def test_anybodys_running_backtest_is_shown_and_cancelled(
    clients, submit, ada, alice, bob, services, fresh_db
):
    (run,) = queue_runs(services.store, services.settings, alice)
    page = clients.browser(ada).get("/admin").text
    assert run.id in page
    assert f"Cancel the backtest {run.id} of alice?" in page
    path = f"/admin/backtests/{run.id}/cancel"
    assert submit(clients.browser(bob), path).status_code == 403
    assert get_backtest(fresh_db, alice.id, run.id).status == "queued"
    assert submit(clients.browser(ada), path).status_code == 303
    assert get_backtest(fresh_db, alice.id, run.id).status == "cancelled"
    assert "backtest cancelled" in clients.browser(ada).get("/admin/events").text
    assert submit(clients.browser(ada), path).status_code == 303  # ended meanwhile
    gone = submit(clients.browser(ada), "/admin/backtests/bt_20300101_000000_zzzzzzzz/cancel")
    assert gone.status_code == 404
