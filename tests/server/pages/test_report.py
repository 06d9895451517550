import pytest

from tests.server.builders import queue_runs


@pytest.fixture
def run(fresh_db, settings, alice):
    return queue_runs(fresh_db, settings, alice)[0]


def test_there_is_no_report_before_there_is_a_result(clients, alice, run):
    assert clients.browser(alice).get(f"/backtests/{run.id}/report.html").status_code == 404


def test_another_users_report_does_not_exist(clients, bob, run):
    assert clients.browser(bob).get(f"/backtests/{run.id}/report.html").status_code == 404
