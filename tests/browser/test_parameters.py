"""Parameter fields beside the code: the code's number counts until a hand changed the field."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ANSWERED_422, Open, Service, Watch

pytestmark = pytest.mark.browser

CODE = """class Sized(Strategy):
    percent = 95.0

    def on_data(self, data):
        if self.get_position_size() == 0:
            self.buy(0.0001 * self.percent)
"""
TEN = CODE.replace("95.0", "10.0")


def write(page: Page, code: str, value: str) -> None:
    page.get_by_label("Strategy (Python)").fill(code)
    expect(page.locator("#check")).to_contain_text("Sized compiles; 1 parameter found")
    expect(page.get_by_label("percent")).to_have_value(value)


def test_a_number_changed_in_the_code_changes_its_field_and_the_run(
    open_page: Open, service: Service
) -> None:
    page = open_page(service.user("editor"))
    page.goto("/backtests/new")
    write(page, CODE, "95.0")
    write(page, TEN, "10.0")
    # And when the run is asked for before the code was checked.
    page.get_by_label("Strategy (Python)").fill(CODE.replace("95.0", "20.0"))
    page.keyboard.press("Control+Enter")
    expect(page.locator(".figures")).to_be_visible(timeout=30_000)
    expect(page.locator(".page-head")).not_to_contain_text("percent")
    expect(page.get_by_text("percent (parameter)")).to_have_count(0)
    page.get_by_role("link", name="Run again or change").click()
    write(page, TEN, "10.0")


def test_a_touched_field_names_both_numbers(open_page: Open, service: Service) -> None:
    page = open_page(service.user("toucher"))
    page.goto("/backtests/new")
    write(page, CODE, "95.0")
    page.get_by_label("percent").fill("50")
    note = page.locator(".override")
    expect(note).to_contain_text("The code says 95.0, this run uses 50.")
    page.get_by_label("Strategy (Python)").fill(TEN)
    expect(note).to_contain_text("The code says 10.0, this run uses 50.")
    # Code that does not compile for a moment does not lose what was typed.
    page.get_by_label("Strategy (Python)").fill(TEN + "    def")
    expect(page.locator("#check")).to_contain_text("1 problem in the code")
    write(page, TEN, "50")
    page.get_by_role("button", name="Use the code's").click()
    expect(page.get_by_label("percent")).to_have_value("10.0")
    expect(page.get_by_label("percent")).to_be_focused()
    expect(note).to_be_hidden()
    page.get_by_label("percent").fill("50")
    page.get_by_role("button", name="Run backtest").click()
    expect(page.locator(".figures")).to_be_visible(timeout=30_000)
    expect(page.locator(".page-head .tag")).to_have_text(re.compile("^percent 50"))
    page.goto("/backtests")
    expect(page.locator("#rows .tag")).to_have_text(re.compile("^percent 50"))


def test_what_is_typed_while_the_code_is_checked_stays(open_page: Open, service: Service) -> None:
    page = open_page(service.user("quick"))
    page.goto("/backtests/new")
    write(page, CODE, "95.0")
    with page.expect_response("**/strategies/check"):
        page.get_by_label("Strategy (Python)").fill(TEN)
        page.get_by_label("percent").fill("50")
    expect(page.locator(".override")).to_contain_text("The code says 10.0, this run uses 50.")
    expect(page.get_by_label("percent")).to_have_value("50")


def test_without_scripts_the_code_counts_and_a_touched_field_asks(
    open_page: Open, service: Service, watch: Watch
) -> None:
    watch.expected.append(ANSWERED_422)
    page = open_page(service.user("scriptless"), java_script_enabled=False)
    page.goto("/backtests/new")
    code = page.get_by_label("Strategy (Python)")
    code.fill(CODE)
    page.get_by_role("button", name="Show what exists for this choice").click()
    page.get_by_label("percent").fill("50")
    code.fill(TEN)
    page.get_by_role("button", name="Run backtest").click()
    expect(page.locator("#err-param\\.percent")).to_contain_text("the code now says 10.0")
    expect(page.locator(".override")).to_contain_text("The code says 10.0, this run uses 50.")
    page.get_by_role("button", name="Use the code's").click()
    expect(page.get_by_label("percent")).to_have_value("10.0")
    code.fill(CODE)
    page.get_by_role("button", name="Run backtest").click()
    expect(page).to_have_url(re.compile("/backtests/bt_"))
