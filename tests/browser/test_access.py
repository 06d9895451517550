"""For everybody: every page by axe, without scripts, on a phone, by keyboard alone."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import ANSWERED_404, ANSWERED_422, PASSWORD, Open, Service, Watch
from tests.browser.test_first_run import run_example

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
RAISES = """class Raises(Strategy):
    def on_data(self, data):
        raise ValueError("no")
"""


def complaints(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{page.url}: {v['id']}: {v['nodes'][0]['html'][:200]}" for v in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_an_accessibility_violation(
    open_page: Open, service: Service, watch: Watch, scheme: str
) -> None:
    watch.expected += [ANSWERED_404, ANSWERED_422]
    found: list[str] = []
    stranger = open_page(color_scheme=scheme)
    for path in ("/", "/login", "/signup"):
        stranger.goto(path)
        found += complaints(stranger)
    page = open_page(service.user(f"careful-{scheme}", admin=True), color_scheme=scheme)
    page.goto("/backtests")
    found += complaints(page)
    for title in ("Too much leverage", "Mean cross"):
        run_example(page, title)
        found += complaints(page)
    run_path = page.url
    page.get_by_role("button", name="Make a link").click()
    stranger.goto(page.locator("#share-link").inner_text())
    expect(stranger.locator(".chart[data-loaded]")).to_be_visible()
    found += complaints(stranger)
    page.goto("/backtests/new")
    page.get_by_label("Strategy (Python)").fill("class Wrong(Strategy)")
    page.get_by_label("Fee rate", exact=True).fill("9")
    page.get_by_role("button", name="Run backtest").click()
    expect(page.locator(".form-alert")).to_have_text(re.compile("^2 problems"))
    found += complaints(page)
    page.get_by_label("Strategy (Python)").fill(
        "class Odd(Strategy):\n    def on_data(self, data):\n        self.bui(1)\n"
    )
    expect(page.locator("#check")).to_contain_text("1 likely slip")
    found += complaints(page)
    page.goto("/backtests/new")
    page.get_by_label("Strategy (Python)").fill(RAISES)
    expect(page.locator("#check")).to_contain_text("Raises compiles")
    page.get_by_role("button", name="Run backtest").click()
    expect(page.locator(".message.bad").first).to_contain_text("raised an error", timeout=30_000)
    found += complaints(page)
    page.goto("/backtests/new?example=grid")
    page.get_by_role("button", name="Save as strategy").click()
    expect(page.get_by_text("Saved as Grid, version 1")).to_be_visible()
    found += complaints(page)  # with the reference beside the editor
    page.get_by_text("Strategy reference").click()
    found += complaints(page)
    page.get_by_role("link", name="Its versions").click()
    strategy_path = page.url
    paths = ["/backtests", "/strategies", strategy_path, f"{strategy_path}/diff", "/examples"]
    paths += ["/data", "/data/add", "/data/spot/DEMOBTCUSDT/1h", "/account", "/admin"]
    paths += [f"{run_path}/trips", f"{run_path}/shares", "/nowhere"]
    for path in paths:
        page.goto(path)
        found += complaints(page)
    page.goto("/backtests?sort=total_return&closed_trades_min=1")
    found += complaints(page)
    page.goto("/backtests")
    page.get_by_label("Choose all shown").check()
    page.get_by_role("button", name=re.compile("^Compare")).click()
    expect(page.get_by_role("heading", name="3 backtests compared")).to_be_visible()
    found += complaints(page)
    assert found == []


def test_everything_but_the_chart_works_without_scripts(open_page: Open, service: Service) -> None:
    page = open_page(java_script_enabled=False)
    service.user("plain")
    page.goto("/backtests")
    page.get_by_label("Name").fill("plain")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Your first result is one click away")).to_be_visible()
    page.goto("/backtests/new")
    page.get_by_role("button", name="Last 90 days").click()
    expect(page.get_by_label("From (UTC)")).to_have_value("2024-01-31")
    page.get_by_label("bars_in_mean").fill("30")
    page.get_by_role("button", name="Run backtest").click()
    expect(page).to_have_url(re.compile("/backtests/bt_"))
    expect(page.locator(".figures")).to_be_visible(timeout=40_000)
    expect(page.get_by_text("bars_in_mean (parameter)")).to_be_visible()
    expect(page.locator("figure .plot .line")).to_have_count(2)  # value and exposure
    page.get_by_role("link", name="Next page").click()
    expect(page.locator("#trips .pager")).to_contain_text(re.compile("^26 to "))
    page.goto("/backtests")
    page.get_by_label("Status").select_option("failed")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("No backtest passes this filter")).to_be_visible()


def test_a_phone_shows_every_page_without_scrolling_sideways(
    open_page: Open, service: Service
) -> None:
    page = open_page(service.user("walker", admin=True), viewport=PHONE, has_touch=True)
    run_example(page, "Mean cross")
    paths = [page.url, "/backtests", "/backtests/new", "/strategies", "/examples", "/data"]
    wide = []
    for path in (*paths, "/data/spot/DEMOBTCUSDT/1h", "/account", "/admin"):
        page.goto(path)
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if over > 0:
            wide.append((path, over))
    assert wide == []
    # What is done to a row needs no scrolling inside its table either.
    for path, name in (("/admin", "Accounts"), (paths[0], "Trades")):
        page.goto(path)
        table = page.get_by_role("region", name=name, exact=True)
        assert table.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, name
    page.goto("/backtests/new")
    page.get_by_role("button", name="Run backtest").tap()
    expect(page.locator(".figures")).to_be_visible(timeout=30_000)


def test_the_focus_stays_while_parts_of_the_page_are_exchanged(
    open_page: Open, service: Service
) -> None:
    steady = service.user("steady")
    page, other = open_page(steady), open_page(steady)
    page.goto("/backtests/new")
    slow = "class Slow(Strategy):\n    def on_data(self, data):\n        sum(range(3_000_000))\n"
    page.get_by_label("Strategy (Python)").fill(slow)
    page.get_by_role("button", name="Run backtest").click()
    cancel = page.get_by_role("button", name="Cancel")
    cancel.focus()
    for _ in range(2):
        with page.expect_response(re.compile("/progress$")):
            pass
    expect(cancel).to_be_focused()
    other.goto(page.url)
    other.get_by_role("button", name="Cancel").click()
    expect(page.locator("#status")).to_have_text("cancelled", timeout=30_000)
    expect(page.locator("h1")).to_be_focused()  # its button is gone
    expect(page.locator("#said")).to_have_text("This backtest is cancelled.")
    run_example(page, "Mean cross")
    page.get_by_role("button", name="Star").press("Enter")
    expect(page.get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Star")).to_be_focused()
    page.get_by_role("link", name="Result").press("Enter")
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Result")
    expect(page.get_by_role("link", name="Result")).to_be_focused()


def test_the_focus_comes_to_the_first_problem_in_whichever_form_it_is(
    open_page: Open, service: Service, watch: Watch
) -> None:
    watch.expected.append(ANSWERED_422)
    page = open_page(service.user("forgetful"))
    page.goto("/account")  # the form of tokens comes before it
    page.get_by_label("Current password").fill("not it at all")
    page.get_by_label("New password").fill("short")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_label("Current password")).to_be_focused()
    expect(page.locator("#err-new-password")).to_contain_text("10 to 256")


def test_the_keyboard_never_comes_to_a_field_that_is_covered(
    open_page: Open, service: Service
) -> None:
    page = open_page(service.user("tabber"))
    page.goto("/backtests/new")
    page.get_by_label("Name of this run").focus()
    uncovered = """() => {
        const field = document.activeElement, box = field.getBoundingClientRect();
        const top = document.elementFromPoint(box.left + box.width / 2, box.bottom - 4);
        return top === field || top.closest("label")?.contains(field) || field.contains(top);
    }"""
    for _ in range(20):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.id")
        assert page.evaluate(uncovered), name
        if page.evaluate("document.activeElement.matches('[data-run-button]')"):
            break


def test_a_printed_chart_is_light_and_as_wide_as_the_sheet(
    open_page: Open, service: Service
) -> None:
    page = open_page(service.user("printer"), color_scheme="dark")
    run_example(page, "Mean cross")
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator("figure canvas.printed")).to_be_visible()
    widths = (
        "([a, b]) => [a, b].map((s) => document.querySelector(s).getBoundingClientRect().width)"
    )
    picture, sheet = page.evaluate(widths, ["canvas.printed", ".chart-view"])
    assert picture == sheet
    # The words of the axis are dark: its ink is that of the light scheme.
    dark_pixels = """canvas => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let dark = 0, light = 0;
        for (let i = 0; i < data.length; i += 4) {
            if (data[i + 3] < 200) continue;
            const sum = data[i] + data[i + 1] + data[i + 2];
            if (sum < 300) dark += 1; else if (sum > 480) light += 1;
        }
        return dark > light;
    }"""
    assert page.locator("figure canvas.printed").evaluate(dark_pixels)
    expect(page.get_by_role("heading", name="Notes")).to_be_hidden()  # there are none
    page.emulate_media(media="screen", color_scheme="dark")
    expect(page.locator("canvas.printed")).to_have_count(0)


def test_a_run_is_made_and_read_by_keyboard_alone(open_page: Open, service: Service) -> None:
    page = open_page(service.user("keys"))
    page.goto("/backtests")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile("/backtests/new"))
    editor = page.get_by_label("Strategy (Python)")
    editor.focus()
    page.keyboard.press("Control+End")
    page.keyboard.press("Tab")  # indents
    expect(editor).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")  # leaves
    expect(editor).not_to_be_focused()
    page.get_by_label("Name of this run").focus()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".figures")).to_be_visible(timeout=30_000)
    chart = page.locator(".chart[data-loaded]")
    chart.focus()
    whole = chart.get_attribute("data-from") or ""
    page.keyboard.press("+")
    expect(chart).not_to_have_attribute("data-from", whole)
    page.keyboard.press("0")
    expect(chart).to_have_attribute("data-from", whole)
    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page).to_have_url(re.compile("/examples$"))
