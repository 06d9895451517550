import numpy as np
import pytest

from tests.server.builders import completed_run, queue_runs


@pytest.fixture
def run(fresh_db, settings, alice):
    return queue_runs(fresh_db, settings, alice)[0]


def test_there_is_no_report_before_there_is_a_result(clients, alice, run):
    assert clients.browser(alice).get(f"/backtests/{run.id}/report.html").status_code == 404


def test_another_users_report_does_not_exist(clients, bob, run):
    assert clients.browser(bob).get(f"/backtests/{run.id}/report.html").status_code == 404


def test_a_report_shows_price_lines_and_exposure_and_asks_for_nothing(clients, services, alice):
    lines = {"mean": np.full(168, 105.0), "rsi": np.linspace(20.0, 80.0, 168)}
    made = completed_run(services, alice, lines, ("huge",))
    report = clients.browser(alice).get(f"/backtests/{made.id}/report.html").text
    for picture in ("Price", "rsi", "Portfolio value", "Position in percent of equity"):
        assert f'aria-label="{picture}"' in report
    assert '<path class="line h0"' in report
    assert '<span class="line-name">mean</span>' in report
    assert "could not be kept for the chart: huge." in report
    for asking in ("<script", "<link", "src=", "data-line", "url("):
        assert asking not in report
