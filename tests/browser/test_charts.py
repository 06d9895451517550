"""Charts: what a strategy drew, exposure, runs and figures over time, down to single bars."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open, Service
from tests.browser.history import DAYS, SYMBOL
from tests.browser.test_access import complaints
from tests.browser.test_first_run import run_example

pytestmark = pytest.mark.browser

DRAWS = """import numpy as np
import talib

class Draws(Strategy):
    leverage = 3.0

    def initialize(self):
        self.indicator("bands", talib.BBANDS, "close", 48, 2.0, 2.0)
        self.indicator("rsi", talib.RSI, "close", 14)
        self.indicator("range", talib.ATR, "high", "low", "close", 14)
        self.indicator("holes", holes, "close")

    def on_data(self, data):
        upper, middle, lower = (line[-1] for line in self.indicators["bands"])
        self.plot("middle price", (data.high + data.low) / 2)
        size = self.get_position_size()
        if size == 0 and data.close < lower:
            self.buy(0.1, leverage=self.leverage)
        elif size == 0 and data.close > upper:
            self.sell(0.1, leverage=self.leverage)
        elif size and abs(data.close - middle) < 0.002 * middle:
            self.close_position()


def holes(close):
    return np.where(np.arange(len(close)) // 100 == 10, np.nan, close)
"""


def run_draws(page: Page) -> None:
    page.goto(f"/backtests/new?symbol={SYMBOL}&timeframe=1h&mode=futures")
    page.get_by_label("Strategy (Python)").fill(DRAWS)
    expect(page.locator("#check")).to_contain_text("Draws compiles")
    page.get_by_label("Max leverage").fill("5")
    page.get_by_role("button", name="Run backtest").click()
    expect(page.locator(".figures")).to_be_visible(timeout=30_000)
    expect(page.locator(".chart[data-loaded]")).to_be_visible()


def toggle(page: Page, name: str) -> Locator:
    return page.locator(f'.line-toggle[data-line="{name}"]')


def panes(page: Page) -> int:
    """How many panes the chart has."""
    return int(page.locator(".chart").evaluate("element => element.chart.chart.panes().length"))


def test_indicators_and_plots_are_named_and_shown_and_hidden(
    open_page: Open, service: Service
) -> None:
    page = open_page(service.user("drawer"))
    run_draws(page)
    names = page.locator("figure .line-toggle .line-name").all_inner_texts()
    assert names == ["middle price", "bands[0]", "bands[1]", "bands[2]", "rsi", "range", "holes"]
    # Price, rsi and range of their own, equity, drawdown, exposure, leverage.
    assert panes(page) == 7
    for name in ("bands[1]", "rsi"):
        expect(toggle(page, name).locator("b")).to_have_text(re.compile(r"^[\d,]+\.\d+$"))
    toggle(page, "rsi").focus()
    page.keyboard.press("Enter")
    expect(toggle(page, "rsi")).to_have_attribute("aria-pressed", "false")
    assert panes(page) == 6
    page.keyboard.press("Space")
    expect(toggle(page, "rsi")).to_have_attribute("aria-pressed", "true")
    assert panes(page) == 7
    toggle(page, "bands[0]").click()
    expect(toggle(page, "bands[0]")).to_have_attribute("aria-pressed", "false")
    assert panes(page) == 7  # an overlay has no pane to take along
    assert complaints(page) == []


def test_hiding_a_pane_keeps_the_view_and_the_scale(open_page: Open, service: Service) -> None:
    page = open_page(service.user("keeper"))
    run_draws(page)
    page.get_by_role("figure").get_by_role("button", name="30 d").click()
    chart = page.locator(".chart")
    expect(chart).to_have_attribute("data-per-point", "1")
    page.get_by_role("button", name="Equity log").click()
    shown = "e => JSON.stringify(e.chart.chart.timeScale().getVisibleRange())"
    before = chart.evaluate(shown)
    toggle(page, "range").click()
    assert chart.evaluate(shown) == before
    assert chart.evaluate("e => e.chart.equity.priceScale().options().mode") == 1


def test_an_indicator_is_not_joined_over_what_it_does_not_know(
    open_page: Open, service: Service
) -> None:
    page = open_page(service.user("gap"))
    run_draws(page)
    drawn = """(element, name) => {
        const { data, lines } = element.chart;
        const points = lines.find((line) => line.name === name).series.data();
        const known = points.filter((point) => point.value !== undefined);
        const index = (point) => data.time.indexOf(point.time);
        return [index(known[0]), known.filter((point) => point.color).map(index)];
    }"""
    chart = page.locator(".chart")
    # Two bars to a point: the mean of 48 begins at bar 47; bars 1,000 to 1,099 are a hole.
    assert chart.evaluate(drawn, "bands[1]") == [23, []]
    assert chart.evaluate(drawn, "holes") == [0, [499]]


def test_exposure_is_long_above_zero_and_short_below(open_page: Open, service: Service) -> None:
    page = open_page(service.user("exposed"))
    run_draws(page)
    chart = page.locator(".chart")
    page.get_by_role("figure").get_by_role("button", name="30 d").click()
    expect(chart).to_have_attribute("data-per-point", "1")
    data = chart.evaluate("element => element.chart.data")
    worth = [
        10 * close / equity for close, equity in zip(data["close"], data["equity"], strict=True)
    ]
    held = {"long": 0, "short": 0}
    for high, low, full in zip(data["exposure_high"], data["exposure_low"], worth, strict=True):
        # Always a tenth of a coin, or none: its price in percent of the equity.
        assert high == low == 0 or high + abs(low) == pytest.approx(full, abs=0.01)
        held["long"] += high > 0
        held["short"] += low < 0
    assert held["long"] > 0
    assert held["short"] > 0
    expect(page.locator("figure")).to_contain_text("above zero long, below zero short")
    expect(page.locator("[data-key=exposure]")).to_have_text(re.compile(r"^[+−]?\d.* %$"))


def test_the_sharpe_ratio_over_time_zooms(open_page: Open, service: Service) -> None:
    page = open_page(service.user("ratio"))
    run_example(page, "Mean cross")
    chart = page.locator(".lines-chart[data-loaded]")
    expect(chart).to_have_attribute("data-loaded", str(DAYS - 29))
    chart.focus()
    page.keyboard.press("+")
    expect(chart).not_to_have_attribute("data-loaded", str(DAYS - 29))
    page.keyboard.press("0")
    expect(chart).to_have_attribute("data-loaded", str(DAYS - 29))
    # The result's own chart did not move with it.
    expect(page.locator(".chart")).to_have_attribute("data-per-point", "2")


def test_compared_curves_zoom_to_single_bars_and_hide(open_page: Open, service: Service) -> None:
    page = open_page(service.user("comparer"))
    for title in ("Mean cross", "Breakout"):
        run_example(page, title)
    page.goto("/backtests")
    page.get_by_label("Choose all shown").check()
    page.get_by_role("button", name=re.compile("^Compare")).click()
    chart = page.locator(".lines-chart[data-loaded]")
    expect(chart).to_have_attribute("data-per-point", "2")
    expect(page.locator("[data-chart-note]")).to_contain_text("zoom in to see every 1 h")
    page.get_by_role("button", name="30 d").click()
    expect(chart).to_have_attribute("data-per-point", "1")
    expect(page.locator("[data-chart-note]")).to_contain_text("A point every 1 h")
    first = page.locator(".line-toggle").first
    expect(first.locator("b")).to_have_text(re.compile(r"^[+−]?[\d,]+\.\d\d %$"))
    first.click()
    expect(first).to_have_attribute("aria-pressed", "false")
    shown = chart.evaluate("e => e.chart.lines.map(l => l.series.options().visible)")
    assert shown == [False, True]
    assert complaints(page) == []


def test_nothing_moves_while_the_charts_arrive(open_page: Open, service: Service) -> None:
    page = open_page(service.user("still"))
    run_draws(page)
    page.add_init_script(
        "window.moved = 0; new PerformanceObserver(list => {"
        " for (const entry of list.getEntries()) window.moved += entry.value;"
        "}).observe({type: 'layout-shift', buffered: true});"
    )
    for size in ({"width": 1440, "height": 900}, {"width": 390, "height": 844}):
        page.set_viewport_size(size)
        page.reload()
        expect(page.locator(".chart[data-loaded]")).to_be_visible()
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        assert page.evaluate("window.moved") < 0.01


TRADES_OFTEN = """class TradesOften(Strategy):
    def on_data(self, data):
        if self.get_position_size():
            self.close_position()
        else:
            self.buy(0.1)
"""


def test_arrows_are_as_large_as_the_fills_in_view_have_room_for(
    open_page: Open, service: Service
) -> None:
    page = open_page(service.user("yara"))
    page.goto(f"/backtests/new?symbol={SYMBOL}&timeframe=1h&mode=spot")
    page.get_by_label("Strategy (Python)").fill(TRADES_OFTEN)
    expect(page.locator("#check")).to_contain_text("TradesOften compiles")
    page.get_by_label("From (UTC)").fill("2024-01-01")
    page.get_by_role("button", name="Run backtest").click()
    chart = page.locator(".chart[data-loaded]").first
    expect(chart).to_be_visible(timeout=30_000)
    expect(chart).to_have_attribute("data-arrows", "small")
    chart.focus()
    for _ in range(30):
        if chart.get_attribute("data-arrows") == "large":
            break
        page.keyboard.press("+")
        page.wait_for_timeout(200)
    expect(chart).to_have_attribute("data-arrows", "large")
    # Back in the whole, they are small again.
    page.keyboard.press("0")
    expect(chart).to_have_attribute("data-arrows", "small")
