import pytest

from server.backtests.backtest import get_backtest
from server.jobs import queue
from server.storage.db import now_ms
from tests.server.builders import completed_run, queue_runs
from tests.server.conftest import write_bars


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


@pytest.fixture
def running(fresh_db, settings, queued):
    """`queued` as it runs: the function sets how many of how many bars are done."""
    job = queue.claim(fresh_db, settings)

    def advance(bars_done, bars, line=None):
        queue.note_progress(fresh_db, job, bars_done, bars, 10_000.0, line)

    return advance


def test_before_its_bars_are_counted_a_run_shows_no_number_of_them(clients, alice, queued, running):
    assert "0 of 0" not in clients.browser(alice).get(f"/backtests/{queued.id}").text


def test_after_its_last_bar_a_run_says_that_it_is_checked_for_look_ahead(
    clients, alice, queued, running
):
    browser = clients.browser(alice)
    running(167, 168)
    assert "Checking for look-ahead" not in browser.get(f"/backtests/{queued.id}").text
    running(168, 168)
    assert "Checking for look-ahead" in browser.get(f"/backtests/{queued.id}").text


def test_a_bar_that_takes_long_is_named_with_its_line(clients, alice, queued, running, monkeypatch):
    browser = clients.browser(alice)
    running(5_832, 8_760, line=4)
    assert "No bar has finished" not in browser.get(f"/backtests/{queued.id}").text
    later = now_ms() + 40_000
    monkeypatch.setattr("server.backtests.backtest.now_ms", lambda: later)
    page = browser.get(f"/backtests/{queued.id}").text
    assert "No bar has finished for 40 s</strong> (bar 5,833, line 4)." in page


def test_a_cancelled_run_that_had_begun_is_not_said_not_to_have(
    clients, submit, alice, queued, running, fresh_db
):
    running(0, 168)
    with fresh_db.write() as db:
        db.conn.execute("update backtests set status = 'cancelled' where id = ?", [queued.id])
    page = clients.browser(alice).get(f"/backtests/{queued.id}").text
    assert "It was stopped before it had finished a bar" in page


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


def test_the_sharpe_ratio_over_time_is_served_by_day(clients, services, alice):
    write_bars(services.settings.data_directory, "LONGUSDT", 70)
    run = completed_run(services, alice, symbol="LONGUSDT", end_date="2024-03-10")
    browser, path = clients.browser(alice), f"/backtests/{run.id}/rolling.json"
    document = browser.get(path).json()
    assert document["bar_ms"] == 86_400_000
    assert len(document["time"]) == 41  # the first of 70 days with 30 behind it is day 30
    assert document["time"][0] == 1_704_067_200 + 29 * 86_400
    assert all(value is not None for value in document["lines"]["Sharpe ratio"])
    last = document["time"][-1] * 1000
    assert browser.get(f"{path}?start={last}").json()["time"] == document["time"][-1:]
    assert f'data-src="{path}"' in browser.get(f"/backtests/{run.id}").text


def test_a_short_run_has_no_ratio_over_time_and_no_chart_of_it(clients, services, alice):
    run = completed_run(services, alice)
    browser = clients.browser(alice)
    assert browser.get(f"/backtests/{run.id}/rolling.json").json()["lines"] == {}
    assert "rolling.json" not in browser.get(f"/backtests/{run.id}").text


def test_a_run_that_waits_has_no_curves(clients, alice, queued):
    browser = clients.browser(alice)
    assert browser.get(f"/backtests/{queued.id}/rolling.json").status_code == 404
    assert browser.get(f"/backtests/{queued.id}/chart.json").status_code == 404
