import pytest

from server.backtests.marks import Marks, marks_of
from tests.server.builders import queue_runs


@pytest.fixture
def run(fresh_db, settings, alice):
    return queue_runs(fresh_db, settings, alice, 1, name="my run")[0]


def test_the_star_goes_on_and_off(clients, submit, alice, run, fresh_db):
    browser = clients.browser(alice)
    assert 'aria-pressed="true"' in submit(browser, f"/backtests/{run.id}/star", htmx=True).text
    submit(browser, f"/backtests/{run.id}/star")
    assert marks_of(fresh_db, alice.id, [run.id])[run.id] == Marks()


def test_tags_and_note_are_kept_and_found_again(clients, submit, alice, run):
    browser = clients.browser(alice)
    submit(browser, f"/backtests/{run.id}/notes", tags="Keep me", note="why")
    page = browser.get("/backtests?tag=keep").text
    assert "my run" in page
    assert "why" in page
    assert "No backtest passes" in browser.get("/backtests?tag=other").text
    assert "No backtest passes" in browser.get("/backtests?starred=true").text


def test_a_bad_tag_is_said_at_its_field_and_the_note_stays(clients, submit, alice, run):
    answer = submit(clients.browser(alice), f"/backtests/{run.id}/notes", tags="<b>", note="stay")
    assert answer.status_code == 422
    assert "is no tag" in answer.text
    assert "stay" in answer.text


@pytest.mark.parametrize("action", ["star", "notes"])
def test_another_users_run_cannot_be_marked(clients, submit, bob, run, action):
    assert submit(clients.browser(bob), f"/backtests/{run.id}/{action}").status_code == 404
