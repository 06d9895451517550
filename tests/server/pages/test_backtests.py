import pytest

from server.backtests import get_backtest
from tests.server.builders import queue_runs


@pytest.fixture
def queued(fresh_db, settings, alice):
    return queue_runs(fresh_db, settings, alice, 1, name="my run")[0]


def test_an_empty_list_leads_to_the_first_result(clients, alice):
    page = clients.browser(alice).get("/backtests").text
    assert "Your first result is one click away" in page
    assert "/examples/mean_cross/run" in page


def test_the_list_names_market_and_status(clients, alice, queued):
    page = clients.browser(alice).get("/backtests").text
    assert "my run" in page
    assert "TINYUSDT 1h spot" in page


def test_the_filter_says_when_nothing_passes(clients, alice, queued):
    page = clients.browser(alice).get("/backtests?status=failed").text
    assert "No backtest passes this filter" in page


def test_a_waiting_run_asks_for_itself_and_says_its_place(clients, alice, queued):
    page = clients.browser(alice).get(f"/backtests/{queued.id}").text
    assert f'hx-get="/backtests/{queued.id}/progress"' in page
    assert "Next in line" in page
    assert '<noscript><meta http-equiv="refresh"' in page


def test_a_run_that_ended_does_not_ask_any_more(clients, submit, alice, queued):
    browser = clients.browser(alice)
    submit(browser, f"/backtests/{queued.id}/cancel")
    headers = {"HX-Request": "true"}
    fragment = browser.get(f"/backtests/{queued.id}/progress", headers=headers).text
    assert 'hx-trigger="every' not in fragment
    assert "It had not begun" in fragment


def test_a_backtest_can_be_deleted(clients, submit, alice, queued, fresh_db):
    answer = submit(clients.browser(alice), f"/backtests/{queued.id}/delete")
    assert answer.headers["location"] == "/backtests"
    assert get_backtest(fresh_db, alice.id, queued.id) is None


def test_several_are_deleted_at_once_and_only_ones_own(
    clients, submit, alice, bob, fresh_db, settings
):
    mine = queue_runs(fresh_db, settings, alice, 2)
    (theirs,) = queue_runs(fresh_db, settings, bob, 1)
    ids = [run.id for run in (*mine, theirs)]
    submit(clients.browser(alice), "/backtests/delete", files={}, id=ids)
    assert [get_backtest(fresh_db, alice.id, run.id) for run in mine] == [None, None]
    assert get_backtest(fresh_db, bob.id, theirs.id) is not None


def test_a_run_deleted_in_another_tab_leads_back_to_the_list(clients, alice):
    headers = {"HX-Request": "true"}
    answer = clients.browser(alice).get("/backtests/bt_gone/progress", headers=headers)
    assert answer.headers["hx-redirect"] == "/backtests"


@pytest.mark.parametrize("path", ["", "/trips", "/chart.json"])
def test_another_users_backtest_does_not_exist(clients, bob, queued, path):
    assert clients.browser(bob).get(f"/backtests/{queued.id}{path}").status_code == 404


@pytest.mark.parametrize("action", ["cancel", "delete"])
def test_another_users_backtest_cannot_be_touched(clients, submit, bob, queued, action):
    answer = submit(clients.browser(bob), f"/backtests/{queued.id}/{action}")
    assert answer.status_code == 404
