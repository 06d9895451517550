"""From nothing to a first result, and the result read."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD, Open, Service, Watch

pytestmark = pytest.mark.browser


def test_from_sign_up_to_a_first_result_in_three_clicks(open_page: Open) -> None:
    page = open_page()
    page.goto("/")
    page.get_by_role("main").get_by_role("link", name="Create account").click()
    page.get_by_label("Name").fill("newcomer")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.get_by_role("button", name=re.compile("^Run “")).click()
    expect(page).to_have_url(re.compile("/backtests/bt_"))
    expect(page.locator(".figures")).to_contain_text("buy and hold", timeout=30_000)
    expect(page.get_by_text("Synthetic prices")).to_be_visible()
    expect(page.locator(".chart[data-loaded]")).to_be_visible()
    expect(page).to_have_title(re.compile("^Mean cross"))


def test_asking_for_progress_stops_with_the_run(open_page: Open, service: Service) -> None:
    page = open_page(service.user("patient"))
    page.goto("/examples")
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if r.url.endswith("/progress") else None)
    page.get_by_role("button", name="Run as it is: Breakout").click()
    expect(page.locator(".figures")).to_be_visible(timeout=30_000)
    expect(page.locator("#run")).not_to_have_attribute("hx-trigger", re.compile("every"))
    before = len(asked)
    page.wait_for_timeout(1_500)
    assert len(asked) == before


def test_zooming_in_ends_at_single_bars(open_page: Open, service: Service) -> None:
    page = open_page(service.user("zoomer"))
    run_example(page, "Mean cross")
    chart = page.locator(".chart[data-loaded]")
    expect(chart).to_have_attribute("data-per-point", "2")  # 2,880 bars in at most 2,000 points
    page.get_by_role("figure").get_by_role("button", name="30 d").click()
    expect(chart).to_have_attribute("data-per-point", "1")
    expect(page.locator("figure [data-chart-note]")).to_contain_text("Each candle is one bar of 1h")


def test_a_click_on_a_trade_takes_the_chart_there(open_page: Open, service: Service) -> None:
    page = open_page(service.user("clicker"))
    run_example(page, "Mean cross")
    chart = page.locator(".chart[data-loaded]")
    before = chart.get_attribute("data-from")
    page.get_by_role("link", name="Result").click()  # sorted, the worst first
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Result")
    page.get_by_role("button", name=re.compile("^Show trade")).first.click()
    expect(chart).not_to_have_attribute("data-from", before or "")
    expect(chart).to_be_focused()


def test_trades_are_filtered_and_paged(open_page: Open, service: Service) -> None:
    page = open_page(service.user("reader"))
    run_example(page, "Mean cross")
    trades = page.locator("#trips")
    wide = "e => [e.scrollWidth, e.clientWidth]"  # every column is seen without scrolling
    needed, there = trades.get_by_role("region", name="Trades").evaluate(wide)
    assert needed <= there
    page.get_by_role("link", name="Next page").click()
    expect(trades.locator(".pager")).to_contain_text(re.compile("^26 to "))
    trades.get_by_label("Result").select_option("lost")
    expect(trades.locator(".pager")).to_contain_text("unfiltered")
    expect(trades.locator("tbody tr").first).to_contain_text("−")


def run_example(page: Any, title: str) -> None:
    """Run an example from the gallery and wait for its result."""
    page.goto("/examples")
    page.get_by_role("button", name=f"Run as it is: {title}").click()
    expect(page.locator(".figures")).to_be_visible(timeout=30_000)
    expect(page.locator(".chart[data-loaded]")).to_be_visible()


def test_nothing_is_kept_from_who_has_no_account(
    open_page: Open, service: Service, watch: Watch
) -> None:
    page = open_page()
    page.goto("/backtests")
    expect(page).to_have_url(re.compile("/login"))
