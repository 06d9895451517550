import pytest

from server.jobs import queue
from server.jobs.queue import Outcome
from tests.server.builders import completed_run, queue_runs


@pytest.fixture
def two(fresh_db, settings, alice):
    (first,) = queue_runs(fresh_db, settings, alice, 1, name="slow", source="a = 1")
    (second,) = queue_runs(fresh_db, settings, alice, 1, name="fast", source="a = 2", fee_rate=0.0)
    return first, second


def test_what_was_ticked_becomes_an_address(clients, submit, alice, two):
    ids = [run.id for run in two]
    answer = submit(clients.browser(alice), "/backtests/compare", files={}, id=ids)
    assert answer.headers["location"] == f"/backtests/compare?ids={ids[0]},{ids[1]}"


def test_differences_of_configuration_and_code_are_shown(clients, alice, two):
    page = clients.browser(alice).get(f"/backtests/compare?ids={two[0].id},{two[1].id}").text
    assert "1. slow" in page
    assert '<span class="row add">+a = 2</span>' in page
    # The fee rate, and the maker fee rate that follows it where none was given.
    assert page.count('<span class="tag">differs</span>') == 2


def test_one_is_too_few_and_seven_too_many(clients, alice, two):
    browser = clients.browser(alice)
    assert browser.get(f"/backtests/compare?ids={two[0].id}").status_code == 422
    assert browser.get(f"/backtests/compare?ids={','.join('abcdefg')}").status_code == 422


def test_another_users_run_cannot_be_compared(clients, bob, two):
    path = f"/backtests/compare?ids={two[0].id},{two[1].id}"
    assert clients.browser(bob).get(path).status_code == 404


def test_curves_are_served_bar_by_bar_in_percent(clients, services, alice):
    one = completed_run(services, alice, name="one")
    two = completed_run(services, alice, name="two", fee_rate=0.0)
    browser, path = clients.browser(alice), f"/backtests/compare/chart.json?ids={one.id},{two.id}"
    document = browser.get(path).json()
    assert len(document["time"]) == 168
    assert list(document["lines"]) == ["1. one", "2. two"]
    assert document["lines"]["1. one"][0] == 0.0
    # It pays fees, and the other does not.
    assert document["lines"]["1. one"][-1] < document["lines"]["2. two"][-1]
    start = document["time"][100] * 1000
    view = browser.get(f"{path}&start={start}").json()
    assert view["time"] == document["time"][100:]
    page = browser.get(f"/backtests/compare?ids={one.id},{two.id}").text
    assert 'data-line="2. two"' in page
    assert page.count('<path class="line c') == 2  # in the picture for readers without scripts


def test_runs_without_a_curve_are_compared_without_a_chart(clients, alice, two):
    page = clients.browser(alice).get(f"/backtests/compare?ids={two[0].id},{two[1].id}").text
    assert "None of them has a curve yet." in page
    assert "data-src" not in page


def test_another_users_curve_does_not_exist(clients, services, bob, alice, two):
    mine = completed_run(services, bob)
    path = f"/backtests/compare/chart.json?ids={mine.id},{two[0].id}"
    assert clients.browser(bob).get(path).status_code == 404


def test_one_curve_is_too_few(clients, alice, two):
    path = f"/backtests/compare/chart.json?ids={two[0].id}"
    assert clients.browser(alice).get(path).status_code == 422


def test_a_run_that_ended_in_its_first_bar_has_no_curve(clients, services, alice, two):
    tables = {
        "portfolio.csv": b"timestamp,portfolio_value\n",
        "trades.csv": b"timestamp,action\n1704067200000,buy\n",
        "round_trips.csv": b"entry_time,pnl\n",
    }
    job = queue.claim(services.store, services.settings)
    services.artifacts.store(job.backtest_id, tables)
    queue.finish(services.store, job, Outcome("failed", 5))
    answer = clients.browser(alice).get(f"/backtests/compare?ids={two[0].id},{two[1].id}")
    assert answer.status_code == 200
