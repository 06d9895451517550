"""Work with many results: understand, find, mark, compare, share."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ANSWERED_404, Open, Service, Watch
from tests.browser.test_first_run import run_example

pytestmark = pytest.mark.browser


def test_a_liquidated_futures_run_is_understood_from_its_page(
    open_page: Open, service: Service
) -> None:
    page = open_page(service.user("gambler"))
    run_example(page, "Too much leverage")
    warning = page.locator(".messages .message.bad").first
    expect(warning).to_contain_text(re.compile(r"positions? (was|were) liquidated"))
    expect(warning).to_contain_text("the margin is gone")
    page.locator("#trips").get_by_label("Exit reason").select_option("liquidation")
    row = page.locator("#trips tbody tr").first
    expect(row).to_contain_text("liquidation")
    expect(row.locator(".loss").first).to_contain_text("−")
    page.get_by_text("Exposure and costs").click()
    expect(page.get_by_role("row", name=re.compile("^Liquidations"))).to_be_visible()


def test_runs_are_marked_found_compared_and_deleted(open_page: Open, service: Service) -> None:
    page = open_page(service.user("collector"))
    run_example(page, "Mean cross")
    page.get_by_role("button", name="Star").click()
    expect(page.get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Tags").fill("first keep")
    page.get_by_label("Note", exact=True).fill("loses to fees")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("✓ Saved")).to_be_visible()
    run_example(page, "Breakout")
    page.goto("/backtests")
    rows = page.locator("#rows tbody tr")
    expect(rows).to_have_count(2)
    page.get_by_label("Tag", exact=True).select_option("keep")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("loses to fees")
    expect(page).to_have_url(re.compile("tag=keep"))
    page.goto("/backtests")
    page.get_by_label("Choose all shown").check()
    page.get_by_role("button", name="Compare 2 to 6 (2)").click()
    expect(page.get_by_role("heading", name="2 backtests compared")).to_be_visible()
    expect(page.locator(".lines-chart[data-loaded]")).to_be_visible()
    expect(page.locator(".line-toggle")).to_have_count(2)
    expect(page.locator(".diff td.add").first).to_contain_text("+")
    page.goto("/backtests?q=Breakout")
    page.get_by_label("Choose Breakout").check()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name=re.compile("Delete chosen")).click()
    expect(page).to_have_url(re.compile("q=Breakout"))
    page.get_by_role("link", name="Show all").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Mean cross")


def test_a_shared_result_opens_without_an_account_until_revoked(
    open_page: Open, service: Service, watch: Watch
) -> None:
    watch.expected.append(ANSWERED_404)
    page = open_page(service.user("sharer"))
    run_example(page, "Momentum")
    page.get_by_role("button", name="Make a link").click()
    link = page.locator("#share-link").inner_text()
    stranger = open_page()
    stranger.goto(link)
    expect(stranger.locator(".figures")).to_be_visible()
    expect(stranger.locator(".chart[data-loaded]")).to_be_visible()
    expect(stranger.locator("#code")).to_have_count(0)
    expect(stranger.get_by_role("button", name="Delete")).to_have_count(0)
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("button", name="Revoke")).to_have_count(0)
    stranger.goto(link)
    expect(stranger.get_by_text("This link opens nothing")).to_be_visible()


def test_a_report_is_one_file_that_opens_offline(
    open_page: Open, service: Service, tmp_path: Any
) -> None:
    page = open_page(service.user("reporter"))
    run_example(page, "Breakout")
    with page.expect_download() as download:
        page.get_by_role("link", name="Report (HTML)").click()
    path = tmp_path / "report.html"
    download.value.save_as(path)
    text = path.read_text()
    assert "src=" not in text
    assert "<link" not in text
    offline = open_page(offline=True, viewport={"width": 390, "height": 844})
    offline.set_content(text)
    expect(offline.locator(".figures")).to_contain_text("buy and hold")
    expect(offline.locator(".plot").first).to_be_visible()
    width = offline.evaluate("document.documentElement.scrollWidth")
    assert width == 390  # a phone scrolls its tables, not the page


def test_two_users_work_at_once_and_see_only_their_own(
    open_page: Open, service: Service, watch: Watch
) -> None:
    watch.expected.append(ANSWERED_404)
    alice, bob = open_page(service.user("alice")), open_page(service.user("bob"))
    for page in (alice, bob):
        page.goto("/examples")
    alice.get_by_role("button", name="Run as it is: Mean cross").click()
    bob.get_by_role("button", name="Run as it is: Breakout").click()
    for page in (alice, bob):
        expect(page.locator(".figures")).to_be_visible(timeout=30_000)
    theirs = alice.url
    bob.goto(theirs)
    expect(bob.get_by_role("heading", name="There is nothing here")).to_be_visible()
    bob.goto("/backtests")
    expect(bob.locator("#rows tbody tr")).to_have_count(1)
    expect(bob.locator("#rows")).to_contain_text("Breakout")


def test_the_list_follows_a_run_to_its_end(open_page: Open, service: Service) -> None:
    page = open_page(service.user("watcher"))
    page.goto("/examples")
    page.get_by_role("button", name="Run as it is: Two averages").click()
    page.goto("/backtests")
    expect(page.locator("#rows tbody tr")).to_contain_text("completed", timeout=30_000)
    expect(page.locator("#rows")).not_to_have_attribute("hx-trigger", re.compile("every"))


def test_the_list_is_sorted_and_bounded_by_its_figures(open_page: Open, service: Service) -> None:
    page = open_page(service.user("sorter"))
    for title in ("Mean cross", "Breakout", "Steady buyer"):
        run_example(page, title)
    page.goto("/backtests")
    rows = page.locator("#rows tbody tr")
    returns = page.locator("#rows tbody td:nth-child(4)")

    def shown() -> list[float]:
        texts = returns.all_inner_texts()
        return [float(t.replace("−", "-").replace(",", "").rstrip(" %")) for t in texts]

    heading = page.get_by_role("columnheader", name="Return")
    heading.get_by_role("link").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(heading.get_by_role("link")).to_be_focused()
    expect(page.get_by_label("Order")).to_have_value("total_return")
    best = shown()
    assert best == sorted(best, reverse=True)
    assert len(best) == 3
    page.get_by_label("Order").select_option("Total return, lowest first")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    assert shown() == best[::-1]
    page.get_by_text("Filter by metrics").click()
    page.get_by_label("Return, at least").fill(str(best[1]))
    page.get_by_label("Return, at least").press("Tab")
    # The figure shown is rounded: the middle one may be a little below it.
    expect(rows).not_to_have_count(3)
    expect(page).to_have_url(re.compile(r"\?sort=total_return\.asc&total_return_min=|_min=.*sort="))
    page.reload()
    expect(rows).not_to_have_count(3)
    expect(page.get_by_label("Return, at least")).to_be_visible()
