import shutil

import numpy as np
import pytest

from server.charts.indicators import KeptIndicators
from server.pages.backtests import result
from tests.server.builders import completed_run
from tests.server.conftest import write_bars


def test_a_year_compounds_its_months():
    (year,) = result.heatmap(
        [{"month": "2024-01", "return_pct": 10.0}, {"month": "2024-02", "return_pct": -10.0}]
    )
    assert [cell.text for cell in year.months[:3]] == ["+10.0", "−10.0", ""]
    assert year.total.text == "−1.0"  # 1.1 x 0.9 = 0.99
    assert (year.months[0].css, year.months[1].css) == ("g3", "l3")


def test_an_undefined_month_is_a_dash_and_leaves_the_year_to_the_others():
    (year,) = result.heatmap(
        [{"month": "2024-01", "return_pct": None}, {"month": "2024-02", "return_pct": 2.0}]
    )
    assert year.months[0].text == "–"
    assert year.total.text == "+2.0"


def test_lines_left_out_are_named_and_counted():
    assert result.left_out(KeptIndicators()) == ""
    said = result.left_out(KeptIndicators({}, {}, 12, ("a", "b")))
    assert said.startswith("12 lines of indicators could not be kept for the chart: a, b and 10")
    assert "20 lines with 4,000,000 values" in said
    assert "more" not in result.left_out(KeptIndicators({}, {}, 1, ("a",)))


def test_the_page_has_a_legend_of_plots_and_indicators(clients, services, alice):
    run = completed_run(
        services,
        alice,
        {"mean": np.full(168, 105.0), "rsi": np.full(168, 50.0) - np.arange(168) / 4},
        ("huge",),
    )
    page = clients.browser(alice).get(f"/backtests/{run.id}").text
    assert 'data-line="mean" data-pane="0" aria-pressed="true"' in page
    assert 'data-line="rsi" data-pane="1" aria-pressed="true"' in page
    assert 'class="chart below-1"' in page
    assert "1 line of indicators could not be kept for the chart: huge." in page


def test_a_run_that_draws_nothing_has_a_chart_of_the_usual_height(clients, services, alice):
    run = completed_run(services, alice)
    page = clients.browser(alice).get(f"/backtests/{run.id}").text
    assert 'class="chart"' in page
    assert "data-line=" not in page
    assert "data-leverage" not in page


def test_leverage_has_a_curve_in_futures_alone(clients, services, alice):
    run = completed_run(services, alice, trading_mode="futures", max_leverage=2)
    page = clients.browser(alice).get(f"/backtests/{run.id}").text
    assert "data-leverage" in page
    assert "Leverage is its notional at entry over the margin" in page


def test_without_scripts_value_and_exposure_are_pictures(clients, services, alice):
    run = completed_run(services, alice)
    page = clients.browser(alice).get(f"/backtests/{run.id}").text
    still = page.split("<noscript>")[1].split("</noscript>")[0]
    assert 'aria-label="Portfolio value"' in still
    assert 'aria-label="Position in percent of equity"' in still


def test_the_chart_has_columns_of_the_indicators(clients, services, alice):
    gap = np.append(np.full(8, np.nan), np.arange(160.0))
    run = completed_run(services, alice, {"mean": gap})
    document = clients.browser(alice).get(f"/backtests/{run.id}/chart.json").json()
    assert document["indicators"]["mean"] == [None] * 8 + list(range(160))
    start = document["time"][10] * 1000
    view = clients.browser(alice).get(f"/backtests/{run.id}/chart.json?start={start}&end={start}")
    assert view.json()["indicators"]["mean"] == [2.0]


def test_bars_that_are_gone_leave_the_page_and_no_chart(clients, services, alice):
    run = completed_run(services, alice, {"mean": np.full(168, 105.0)})
    shutil.rmtree(services.settings.data_directory / "binance")
    services.market.forget_catalogue()
    browser = clients.browser(alice)
    assert browser.get(f"/backtests/{run.id}").status_code == 200
    assert browser.get(f"/backtests/{run.id}/chart.json").status_code == 404
    assert browser.get(f"/backtests/{run.id}/report.html").status_code == 200


def test_only_grave_findings_take_room_before_they_are_asked_for(clients, services, alice):
    run = completed_run(services, alice)
    page = clients.browser(alice).get(f"/backtests/{run.id}").text
    strip = page.split('<ul class="findings"')[1].split("</ul>")[0]
    assert "Few trades" in strip or "No trade was closed" in strip
    assert "<details class=" in strip
    assert " open>" not in strip
    report = clients.browser(alice).get(f"/backtests/{run.id}/report.html").text
    assert " open><summary>" in report.split('<ul class="findings"')[1].split("</ul>")[0]


@pytest.fixture
def coin_run(services, settings, alice):
    """An account of 1 BTC that buys a million at 0.0000000102 and sells at 0.0000000112 each day.

    Each day fees are 0.0000102 + 0.0000112 and the result is 0.001 - 0.0000214 = 0.0009786; in
    seven days fees come to 0.0001498 and the account to 1.0068502.
    """
    write_bars(settings.data_directory, "SHIBBTC", scale=1e-10)
    return completed_run(services, alice, amount=1e6, symbol="SHIBBTC", initial_capital=1.0)


def test_an_account_of_one_coin_is_shown_with_the_digits_it_needs(clients, alice, coin_run):
    browser = clients.browser(alice)
    shown = browser.get(f"/backtests/{coin_run.id}").text
    report = browser.get(f"/backtests/{coin_run.id}/report.html").text
    trades = browser.get(f"/backtests/{coin_run.id}/trips").text
    for page in (shown, report):
        assert '<div class="value ">0.0001498</div>' in page
    for page in (shown, report, trades):
        assert page.count('<span class="gain">+0.0009786</span>') >= 7
    for tick in ("1.000", "1.002", "1.004", "1.006"):
        assert f'text-anchor="end">{tick}</text>' in report
    assert 'data-money="4"' in shown
