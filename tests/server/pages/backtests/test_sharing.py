import re

import numpy as np
import pytest

from server.backtests.backtest import request_cancel
from tests.server.builders import completed_run, queue_runs


@pytest.fixture
def run(fresh_db, settings, alice):
    made = queue_runs(fresh_db, settings, alice, 1, name="my run")[0]
    request_cancel(fresh_db, alice.id, made.id)
    return made


def link(page: str) -> str:
    return re.search(r"(/shared/[\w-]+)", page).group(1)


def test_a_link_shows_the_result_without_the_code(clients, submit, alice, run):
    page = submit(clients.browser(alice), f"/backtests/{run.id}/shares", days="7").text
    shown = clients.charlie(Accept="text/html").get(link(page))
    assert shown.status_code == 200
    assert "my run" in shown.text
    assert "class A(Strategy)" not in shown.text
    assert "alice" not in shown.text
    assert shown.headers["referrer-policy"] == "no-referrer"
    assert shown.headers["x-robots-tag"] == "noindex"


def test_a_link_with_the_code_shows_it(clients, submit, alice, run):
    browser = clients.browser(alice)
    page = submit(browser, f"/backtests/{run.id}/shares", days="7", with_code="true").text
    assert "class A(Strategy)" in clients.charlie().get(link(page)).text


@pytest.mark.parametrize("path", ["", "/chart.json", "/rolling.json", "/trips"])
def test_a_made_up_link_opens_nothing(clients, path):
    assert clients.charlie(Accept="text/html").get(f"/shared/guess{path}").status_code == 404


def test_another_user_can_neither_list_nor_make_nor_revoke(clients, submit, alice, bob, run):
    page = submit(clients.browser(alice), f"/backtests/{run.id}/shares", days="7").text
    number = re.search(r"shares/(\d+)/revoke", page).group(1)
    browser = clients.browser(bob)
    assert browser.get(f"/backtests/{run.id}/shares").status_code == 404
    assert submit(browser, f"/backtests/{run.id}/shares", days="7").status_code == 404
    assert submit(browser, f"/backtests/{run.id}/shares/{number}/revoke").status_code == 404


@pytest.mark.parametrize("with_code", ["true", ""])
def test_a_link_shows_what_was_computed_only_with_the_code(
    clients, submit, services, alice, with_code
):
    run = completed_run(services, alice, {"secret sauce": np.full(168, 105.0)}, ("more sauce",))
    browser = clients.browser(alice)
    page = submit(browser, f"/backtests/{run.id}/shares", days="7", with_code=with_code).text
    stranger = clients.charlie(Accept="text/html")
    shown = stranger.get(link(page)).text
    drawn = stranger.get(link(page) + "/chart.json").json()["indicators"]
    assert ("sauce" in shown) is bool(with_code)
    assert list(drawn) == (["secret sauce"] if with_code else [])
