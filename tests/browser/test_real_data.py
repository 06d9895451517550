"""The main job on real Binance bars, through the browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import conftest
from tests.browser.conftest import Open, Service

pytestmark = pytest.mark.browser

CROSS = """class Cross(Strategy):
    amount = 0.05
    leverage = 1.0

    def on_data(self, data):
        closes = self.bars.close[-20:]
        if len(closes) < 20:
            return
        above = data.close > sum(closes) / 20
        if above and self.get_position_size() == 0:
            self.buy(self.amount, leverage=self.leverage)
        elif not above and self.get_position_size() > 0:
            self.close_position()
"""


@pytest.fixture(scope="module")
def service(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of its own on the real history."""
    running = conftest.start_service(tmp_path_factory.mktemp("real"), real_data)
    yield running
    conftest.stop_service(running)


def fill_in(page: Page, mode: str, first: str, last: str) -> None:
    page.goto("/backtests/new?symbol=BTCUSDT&timeframe=1h&mode=" + mode)
    page.get_by_label("Strategy (Python)").fill(CROSS)
    expect(page.locator("#check")).to_contain_text("Cross compiles; 2 parameters found")
    page.get_by_label("From (UTC)").fill(first)
    page.get_by_label("To (inclusive)").fill(last)


def test_a_mean_cross_on_eighteen_months_of_spot(open_page: Open, service: Service) -> None:
    page = open_page(service.user("spot"))
    fill_in(page, "spot", "2022-01-01", "2023-06-30")
    page.get_by_role("button", name="Run backtest").click()
    expect(page.locator(".figures")).to_be_visible(timeout=60_000)
    expect(page.locator(".page-head")).to_contain_text("BTCUSDT 1h spot")
    # 546 days of 24 hours, less what Binance's own outages left out.
    page.get_by_text("Exposure and costs").click()
    bars = page.get_by_role("row", name=re.compile("^Bars ")).inner_text()
    assert 13_000 < int(re.search(r"[\d,]{5,}", bars).group().replace(",", "")) <= 546 * 24
    expect(page.locator(".chart[data-loaded]")).to_be_visible()
    expect(page.get_by_text("Synthetic prices")).to_have_count(0)


def test_a_mean_cross_with_leverage_on_half_a_year_of_futures(
    open_page: Open, service: Service
) -> None:
    page = open_page(service.user("futures"))
    fill_in(page, "futures", "2024-01-01", "2024-06-29")
    page.get_by_label("Max leverage").fill("5")
    page.get_by_label("leverage", exact=True).fill("5")
    page.get_by_role("button", name="Run backtest").click()
    expect(page.locator(".figures")).to_be_visible(timeout=60_000)
    expect(page.locator(".page-head")).to_contain_text("up to 5× leverage")
    page.get_by_text("Exposure and costs").click()
    expect(page.get_by_role("row", name=re.compile("^Max leverage used"))).to_contain_text("5.00×")


def test_a_hole_in_the_history_cannot_make_a_fairy_tale(open_page: Open, service: Service) -> None:
    page = open_page(service.user("hole"))
    page.goto("/backtests/new?symbol=BTCUSDT&timeframe=1h&mode=spot")
    first, last = page.get_by_label("From (UTC)"), page.get_by_label("To (inclusive)")
    expect(page.get_by_role("button", name="Newest without holes")).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(page.locator(".range-missing")).to_have_count(0)
    first.fill("2024-07-01")
    last.fill("2025-06-30")
    # The 8th of August and June: 31 of 365 days.
    warning = page.locator(".range-missing")
    expect(warning).to_contain_text("92 % of the range has no bars")
    expect(warning).to_contain_text("8,016 of 8,760 are missing")
    page.get_by_role("button", name="Run backtest").click()
    finding = page.locator(".message.bad")
    expect(finding).to_contain_text("92 % of the range has no bars", timeout=60_000)
    expect(finding).to_contain_text("1 trade was held across a hole and made +7,218.22")
    expect(finding).to_contain_text("Without it the result is −1,703.08")
    chart = page.locator(".chart[data-loaded]")
    expect(chart).to_be_visible()
    bands = "element => element.chart.bands().map((band) => band[2] / 86400)"
    assert chart.evaluate(bands) == [296]
    torn = "e => e.chart.equity.data().filter((point) => point.color === 'transparent').length"
    assert chart.evaluate(torn) == 1
    # The middle of the time lies in the hole, that of the bars does not.
    chart.focus()
    for _ in range(6):
        with page.expect_response("**/chart.json**"):
            page.keyboard.press("+")
        page.evaluate("() => new Promise((done) => setTimeout(done, 300))")
    expect(page.locator("[data-chart-note]").first).to_have_text("Each candle is one bar of 1h.")
    seen = "e => e.chart.inView()[1] - e.chart.inView()[0] + 1"
    assert 15 <= chart.evaluate(seen) <= 25
    page.goto("/backtests")
    expect(page.locator("#rows")).to_contain_text("92 % of the range has no bars")
    page.get_by_role("link", name="MeanCross").click()
    page.get_by_role("button", name="Show trade 1 in the chart").click()
    expect(page.locator("[data-chart-note]").first).to_have_text("Each candle is one bar of 1h.")
