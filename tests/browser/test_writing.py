"""Strategies written in the browser: problems marked, repaired, completed, kept."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ANSWERED_422, Open, Service, Watch

pytestmark = pytest.mark.browser

BROKEN = """import os


class Mine(Strategy):
    size = 0.1

    def on_data(self, data):
        self.bui(self.size)
        if data.close > 0
            pass
"""
FLAT_OUT = """class Loud(Strategy):
    def on_data(self, data):
        if data.timestamp.hour == 5:
            raise ValueError("five o'clock")
"""


def test_a_broken_strategy_is_repaired_by_following_the_marks(
    open_page: Open, service: Service, watch: Watch
) -> None:
    watch.expected.append(ANSWERED_422)
    page = open_page(service.user("mender"))
    page.goto("/backtests/new")
    editor = page.get_by_label("Strategy (Python)")
    editor.fill(BROKEN)
    problems = page.locator("#check .problems li")
    expect(problems.first).to_contain_text("Line 9")
    expect(page.locator(".gutter .bad")).to_have_text(re.compile("9"))
    page.get_by_role("button", name=re.compile("Line 9")).click()
    expect(editor).to_be_focused()
    editor.fill(BROKEN.replace("data.close > 0", "data.close > 0:"))
    expect(problems.first).to_contain_text("Line 1")
    expect(page.locator(".gutter .bad").first).to_have_text("1")
    page.get_by_role("button", name="Run backtest").click()
    alert = page.locator(".form-alert")
    expect(alert).to_have_text(re.compile("^1 problem to solve before this can run"))
    expect(editor).to_be_focused()
    fixed = BROKEN.replace("import os\n", "").replace("data.close > 0", "data.close > 0:")
    editor.fill(fixed.replace("self.bui(", "self.buy("))
    expect(page.locator("#check")).to_contain_text("Mine compiles; 1 parameter found")
    expect(page.locator(".gutter .bad")).to_have_count(0)
    expect(alert).to_be_hidden()  # what it counted is cured
    page.get_by_label("size").fill("0.01")
    page.get_by_role("button", name="Run backtest").click()
    expect(page.locator(".figures")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("size (parameter)")).to_be_visible()


def test_an_error_of_the_strategy_leads_to_its_line(open_page: Open, service: Service) -> None:
    page = open_page(service.user("raiser"))
    page.goto("/backtests/new")
    page.get_by_label("Strategy (Python)").fill(FLAT_OUT)
    expect(page.locator("#check")).to_contain_text("Loud compiles")
    page.get_by_role("button", name="Run backtest").click()
    failure = page.locator(".message.bad").first
    expect(failure).to_contain_text("The strategy raised an error, line 4", timeout=30_000)
    expect(failure).to_contain_text("five o'clock")
    expect(page.locator("#line-4.bad")).to_contain_text("raise ValueError")


def test_a_likely_slip_is_marked_and_refuses_nothing(open_page: Open, service: Service) -> None:
    page = open_page(service.user("slipper"))
    page.goto("/backtests/new")
    editor = page.get_by_label("Strategy (Python)")
    editor.fill("class Odd(Strategy):\n    def on_data(self, data):\n        self.bui(1)\n")
    expect(page.locator("#check")).to_contain_text("Odd compiles; 1 likely slip")
    expect(page.locator("#check")).to_contain_text("did you mean self.buy?")
    expect(page.locator(".gutter .odd")).to_have_text("3")
    expect(page.locator(".marks mark.odd")).to_have_text("bui")
    assert editor.get_attribute("aria-invalid") is None
    page.get_by_role("button", name=re.compile("^Line 3, column 14")).click()
    expect(editor).to_be_focused()


def test_typing_completes_the_strategys_words(open_page: Open, service: Service) -> None:
    page = open_page(service.user("typist"))
    page.goto("/backtests/new")
    editor = page.get_by_label("Strategy (Python)")
    editor.fill("")
    editor.press_sequentially("self.target")
    expect(page.get_by_role("listbox", name="Completions")).to_be_visible()
    editor.press("Enter")
    expect(editor).to_have_value("self.target_percent()")


def test_the_reference_stands_beside_the_editor_and_stays_as_it_was_left(
    open_page: Open, service: Service
) -> None:
    page = open_page(service.user("bookworm"))
    page.goto("/backtests/new")
    editor, entry = page.locator(".editor"), page.get_by_text("self.set_stop_loss(price)")
    beside = page.get_by_role("region", name="Strategy reference")
    expect(beside).to_be_visible()
    left, right = editor.bounding_box(), beside.bounding_box()
    assert left
    assert right
    assert left["width"] > 550
    assert left["x"] + left["width"] < right["x"]
    assert abs(left["y"] - right["y"]) < 100
    find = page.get_by_label("Find in the reference")
    find.fill("trailing")
    expect(entry).to_be_hidden()
    expect(page.get_by_text("self.set_trailing_stop(distance=None")).to_be_visible()
    find.press("Enter")  # finds, and does not run the backtest
    find.fill("no such word")
    expect(page.get_by_text("Nothing in the reference has these words")).to_be_visible()
    find.press("Escape")
    expect(entry).to_be_visible()
    summary = page.get_by_text("Strategy reference", exact=True)
    summary.press("Enter")
    expect(beside).to_be_hidden()
    page.reload()
    expect(editor).to_be_visible()
    expect(beside).to_be_hidden()
    # Left in the very moment of the choice: it is kept all the same.
    with page.expect_navigation():
        summary.evaluate("(element) => { element.click(); location.reload(); }")
    expect(beside).to_be_visible()
    page.reload()
    expect(beside).to_be_visible()
    expect(page).to_have_url(re.compile("/backtests/new$"))


def test_the_reference_waits_folded_under_the_editor_of_a_phone(
    open_page: Open, service: Service
) -> None:
    page = open_page(service.user("pocket"), viewport={"width": 390, "height": 844})
    page.goto("/backtests/new")
    reference = page.get_by_role("region", name="Strategy reference")
    summary = page.get_by_text("Strategy reference", exact=True)
    expect(page.locator(".editor")).to_be_visible()
    expect(reference).to_be_hidden()
    summary.click()
    expect(reference).to_be_visible()
    below, above = summary.bounding_box(), page.locator(".editor").bounding_box()
    assert below
    assert above
    assert below["y"] > above["y"] + above["height"]


def test_a_draft_is_offered_again(open_page: Open, service: Service) -> None:
    page = open_page(service.user("drafter"))
    page.goto("/backtests/new")
    page.get_by_label("Strategy (Python)").fill("# my half-written idea")
    page.reload()  # at once: what was typed last is kept too
    page.get_by_role("button", name="Restore it").click()
    expect(page.get_by_label("Strategy (Python)")).to_have_value("# my half-written idea")


def test_only_what_exists_is_offered(open_page: Open, service: Service) -> None:
    page = open_page(service.user("chooser"))
    page.goto("/backtests/new")
    expect(page.get_by_label("Max leverage")).to_be_hidden()
    page.get_by_label("futures").check()
    expect(page.get_by_label("Max leverage")).to_be_visible()
    expect(page.locator("#timeframe option")).to_have_text(["1 hour", "4 hours", "1 day"])
    page.get_by_role("button", name="Last 30 days").click()
    expect(page.get_by_label("From (UTC)")).to_have_value("2024-03-31")
    expect(page.locator("#range")).to_contain_text("About 720 bars")
    page.get_by_label("From (UTC)").fill("2024-04-29")
    page.get_by_label("From (UTC)").press("Tab")
    expect(page.locator("#range")).to_contain_text("About 24 bars")


def test_a_file_is_read_into_the_editor(open_page: Open, service: Service) -> None:
    page = open_page(service.user("uploader"))
    page.goto("/backtests/new")
    code = b"class FromFile(Strategy):\n    def on_data(self, data):\n        pass\n"
    page.locator("#file").set_input_files(
        {"name": "idea.py", "mimeType": "text/x-python", "buffer": code}
    )
    expect(page.locator("#check")).to_contain_text("FromFile compiles")
    expect(page.get_by_label("Name of this run")).to_have_value("idea")
    page.locator("#file").set_input_files(
        {"name": "picture.py", "mimeType": "text/x-python", "buffer": b"\xff\xd8\xff"}
    )
    expect(page.locator("#file-error")).to_contain_text("picture.py is not UTF-8 text")


def test_saving_makes_versions_that_can_be_compared(open_page: Open, service: Service) -> None:
    page = open_page(service.user("reviser"))
    page.goto("/backtests/new?example=momentum")
    page.get_by_role("button", name="Save as strategy").click()
    expect(page.get_by_text("Saved as Momentum, version 1")).to_be_visible()
    editor = page.get_by_label("Strategy (Python)")
    editor.fill(editor.input_value().replace("lookback = 30", "lookback = 31"))
    page.get_by_role("button", name="Save as strategy").click()
    expect(page.get_by_text("Saved as Momentum, version 2")).to_be_visible()
    page.get_by_role("link", name="Its versions").click()
    page.get_by_role("link", name="Compare the last two").click()
    expect(page.locator(".diff td.add")).to_contain_text("lookback = 31")


def test_a_file_that_is_no_strategy_leaves_the_code_alone(
    open_page: Open, service: Service
) -> None:
    page = open_page(service.user("picker"))
    page.goto("/backtests/new")
    code = page.get_by_label("Strategy (Python)")
    before = code.input_value()
    choose = page.locator("#file")
    choose.set_input_files({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"milk"})
    expect(page.locator("#file-error")).to_contain_text("notes.txt is not a .py file")
    assert code.input_value() == before
    name = page.get_by_label("Name of this run")
    for stem in ("up", "down"):
        text = f"class {stem.title()}(Strategy):\n    pass\n".encode()
        choose.set_input_files({"name": f"{stem}.py", "mimeType": "text/plain", "buffer": text})
        expect(name).to_have_value(stem)
    expect(page.locator("#file-error")).to_have_text("")


def test_what_is_written_is_seen_where_it_is_written(open_page: Open, service: Service) -> None:
    """The letters in the text field are transparent: those that are seen lie over it."""
    page = open_page(service.user("zoe"))
    page.goto("/backtests/new")
    area, paint = page.get_by_label("Strategy (Python)"), page.locator(".editor .paint")
    expect(area).to_have_attribute("data-ready", "1")
    area.fill("class Seen(Strategy):\n    fast = 3\n")
    expect(paint).to_contain_text("fast = 3")
    for layer in (paint, page.locator(".editor .marks")):
        assert layer.bounding_box() == area.bounding_box()
    boxes = [page.locator(f".editor {name}").bounding_box() for name in (".gutter", ".paint")]
    gutter, text = boxes
    assert gutter is not None
    assert text is not None
    assert gutter["x"] + gutter["width"] <= text["x"] + 0.5
    assert text["height"] > 200
    for style in ("font", "padding", "white-space", "letter-spacing", "tab-size"):
        asked = f"(e) => getComputedStyle(e).getPropertyValue('{style}')"
        assert paint.evaluate(asked) == area.evaluate(asked)


def test_a_day_is_picked_in_the_browsers_calendar(open_page: Open, service: Service) -> None:
    page = open_page(service.user("ann"))
    page.goto("/backtests/new")
    field = page.get_by_label("From (UTC)")
    page.locator('[data-day-for="start_date"]').click()
    picker = page.locator(".day-picker")
    expect(picker).to_have_value(field.input_value())
    assert picker.get_attribute("min") == "2024-01-01"
    # What the browser does once a day is chosen; its calendar is not part of the page.
    picker.evaluate(
        "(e) => { e.value = '2024-02-03'; e.dispatchEvent(new Event('change', {bubbles: true})); }"
    )
    expect(field).to_have_value("2024-02-03")
    expect(field).to_be_focused()
    expect(page.locator("#range")).to_contain_text("2024-02-03 to")
