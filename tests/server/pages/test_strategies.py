import pytest

from sandbox.job import CheckReport
from server.pages.parts.diff import MAX_SHOWN_LINES
from server.strategies.strategy import create_strategy, list_strategies, save_strategy


@pytest.fixture
def kept(fresh_db, alice):
    report = CheckReport(class_name="A")
    made = create_strategy(fresh_db, alice.id, "Mine", "a = 1\nb = 2\n", report)
    return save_strategy(fresh_db, alice.id, made.id, "Mine", "a = 1\nb = 3\n", report)


def test_without_any_the_page_says_how_to_keep_one(clients, alice):
    assert "No strategy kept yet" in clients.browser(alice).get("/strategies").text


def test_the_list_shows_the_newest_version(clients, alice, kept):
    page = clients.browser(alice).get("/strategies").text
    assert "Mine" in page
    assert 'data-label="version">2</td>' in page


def test_an_old_version_can_be_looked_at(clients, alice, kept):
    page = clients.browser(alice).get(f"/strategies/{kept.id}?version=1").text
    assert "b = 2" in page


def test_the_last_two_versions_are_compared(clients, alice, kept):
    page = clients.browser(alice).get(f"/strategies/{kept.id}/diff").text
    assert '<span class="row del">-b = 2</span>' in page
    assert '<span class="row add">+b = 3</span>' in page


def test_versions_come_fifty_a_page_and_without_their_code(clients, alice, kept, fresh_db):
    for number in range(60):
        save_strategy(fresh_db, alice.id, kept.id, "Mine", f"c = {number}\n", CheckReport())
    alices = clients.browser(alice)
    page = alices.get(f"/strategies/{kept.id}").text
    assert f'href="/strategies/{kept.id}?version=13"' in page
    assert f'href="/strategies/{kept.id}?version=12"' not in page
    assert f"/strategies/{kept.id}?version=62&amp;before=13" in page
    assert "c = 58" not in page
    older = alices.get(f"/strategies/{kept.id}?version=62&before=13").text
    assert f'href="/strategies/{kept.id}?version=12"' in older
    assert "Older versions" not in older


def test_code_of_very_many_lines_is_shown_in_part(clients, alice, kept, fresh_db):
    code = "\n" * (MAX_SHOWN_LINES + 2)
    save_strategy(fresh_db, alice.id, kept.id, "Mine", code, CheckReport())
    page = clients.browser(alice).get(f"/strategies/{kept.id}").text
    assert page.count('<span class="row">') == MAX_SHOWN_LINES
    assert "3 more lines are not shown" in page


def test_a_clone_starts_its_own_history(clients, submit, alice, kept, fresh_db):
    submit(clients.browser(alice), f"/strategies/{kept.id}/clone")
    names = {(item.name, item.version) for item in list_strategies(fresh_db, alice.id)}
    assert names == {("Mine", 2), ("Mine (copy)", 1)}


def test_deleting_removes_it(clients, submit, alice, kept, fresh_db):
    submit(clients.browser(alice), f"/strategies/{kept.id}/delete")
    assert list_strategies(fresh_db, alice.id) == []


@pytest.mark.parametrize("path", ["", "/diff"])
def test_another_users_strategy_does_not_exist(clients, bob, kept, path):
    assert clients.browser(bob).get(f"/strategies/{kept.id}{path}").status_code == 404


@pytest.mark.parametrize("action", ["clone", "delete"])
def test_another_users_strategy_cannot_be_touched(clients, submit, bob, kept, action):
    assert submit(clients.browser(bob), f"/strategies/{kept.id}/{action}").status_code == 404
