import json
import re

import pytest

from server.pages.backtests import index
from tests.server.builders import queue_runs


@pytest.fixture
def ended(fresh_db, settings, alice):
    """Four ended runs: they returned 1 %, 9 %, -3 % and nothing that can be said."""
    runs = queue_runs(fresh_db, settings, alice, 4, name="run")
    for run, value in zip(runs, (1.0, 9.0, -3.0, None), strict=True):
        with fresh_db.write() as db:
            db.conn.execute(
                "update backtests set status = 'completed', summary = ? where id = ?",
                [json.dumps({"metrics": {"total_return": value}}), run.id],
            )
    return [run.id for run in runs]


def shown(page):
    return re.findall(r'name="id" value="(\w+)"', page)


@pytest.mark.parametrize(
    ("sort", "order"), [("total_return", [1, 0, 2, 3]), ("total_return.asc", [2, 0, 1, 3])]
)
def test_the_list_is_ordered_by_a_figure(clients, alice, ended, sort, order):
    page = clients.browser(alice).get(f"/backtests?sort={sort}").text
    assert shown(page) == [ended[i] for i in order]


def test_the_next_page_of_an_ordered_list_goes_on_where_this_one_ends(
    clients, alice, ended, monkeypatch
):
    monkeypatch.setattr(index, "PER_PAGE", 2)
    browser = clients.browser(alice)
    first = browser.get("/backtests?sort=total_return&status=completed").text
    following = re.search(r'href="([^"]+)" rel="next"', first)[1].replace("&amp;", "&")
    second = browser.get(following).text
    assert shown(first) + shown(second) == [ended[i] for i in (1, 0, 2, 3)]
    assert 'rel="next"' not in second
    assert "First page" not in first
    assert 'href="/backtests?status=completed&amp;sort=total_return">First page' in second


def test_a_heading_sorts_best_first_and_then_turns_round(clients, alice, ended):
    browser = clients.browser(alice)
    heading = r'aria-sort="(\w+)"><a id="sort-total_return" title="[^"]+" href="([^"]+)"'
    assert re.search(heading, browser.get("/backtests").text).groups() == (
        "none",
        "/backtests?sort=total_return",
    )
    assert re.search(heading, browser.get("/backtests?sort=total_return").text).groups() == (
        "descending",
        "/backtests?sort=total_return.asc",
    )


def test_a_figure_can_be_bounded(clients, alice, ended):
    page = clients.browser(alice).get("/backtests?total_return_min=0&total_return_max=5").text
    assert shown(page) == [ended[0]]
    assert "1 backtest of this filter" in page
    assert 'name="total_return_min" value="0"' in page


def test_what_the_filter_cannot_mean_is_left_out(clients, alice, ended):
    page = (
        clients.browser(alice)
        .get("/backtests?total_return_min=much&closed_trades_max=nan&sort=seq&status=odd&after=x")
        .text
    )
    assert len(shown(page)) == 4
    assert "4 backtests</p>" in page


def test_another_users_runs_are_not_counted(clients, bob, ended):
    assert "Your first result is one click away" in clients.browser(bob).get("/backtests").text


def test_deleting_leaves_the_list_narrowed(clients, submit, alice, ended):
    back = "/backtests?sort=total_return&q=run"
    answer = submit(clients.browser(alice), "/backtests/delete", files={}, id=ended[0], back=back)
    assert answer.headers["location"] == "/backtests?sort=total_return&q=run"


def test_deleting_leads_nowhere_but_to_the_list(clients, submit, alice, ended):
    back = "https://elsewhere.example/backtests?q=1"
    answer = submit(clients.browser(alice), "/backtests/delete", files={}, id=ended[0], back=back)
    assert answer.headers["location"] == "/backtests?q=1"
