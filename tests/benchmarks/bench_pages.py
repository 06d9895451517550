"""The pages in a real browser: a result of half a million bars, a list of a thousand runs."""

from __future__ import annotations

import statistics
import time

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from server.accounts.access import SESSION_COOKIE
from tests.benchmarks.bench_service import (
    BATCH,
    BENCH,
    WEEK,
    YEAR,
    market_data,
    request,
)
from tests.benchmarks.measure import heading, spread, table, target
from tests.benchmarks.service import Account, Service
from tests.benchmarks.workloads import TEN_THOUSAND_TRIPS, WORKLOADS
from tools import chromium

LIST_RUNS = 1000
VISITS = 5
ZOOM_DAYS = (90, 30, 7)
DAY_MS = 86_400_000

# Runs before the page's own scripts: collects what blocks the main thread.
WATCH_TASKS = """
window.longTasks = [];
new PerformanceObserver(list => {
    for (const entry of list.getEntries()) window.longTasks.push(entry.duration);
}).observe({type: "longtask", buffered: true});
"""


def main() -> None:
    with Service(BENCH / "pages", market_data()) as service:
        alice, bob = service.account("alice"), service.account("bob")
        body = request(TEN_THOUSAND_TRIPS, YEAR)
        run = service.post("/api/backtest", alice.api, body)["backtest_id"]
        for first in range(0, LIST_RUNS, BATCH):
            items = [request(WORKLOADS["A"].source, WEEK, seed=first + i) for i in range(BATCH)]
            service.post("/api/backtest/batch", bob.api, {"items": items})
        service.wait_until_ended(1 + LIST_RUNS)
        gzipped = service.get(f"/backtests/{run}", alice.browser | {"Accept-Encoding": "gzip"})
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium.find(), args=["--no-sandbox", "--disable-gpu"]
            )
            result_page(browser, service, alice, f"/backtests/{run}", len(gzipped.body))
            list_page(browser, service, bob)
            browser.close()


def result_page(
    browser: Browser, service: Service, account: Account, path: str, gzipped: int
) -> None:
    heading("The page of a run of 525,600 bars and 10,000 round trips")
    drawn, zoomed, longest = [], [], []
    for _ in range(VISITS):
        context = signed_in(browser, service, account)
        page = context.new_page()
        start = time.perf_counter()
        page.goto(path, wait_until="commit")
        page.wait_for_selector(".chart[data-loaded]")
        drawn.append(1000 * (time.perf_counter() - start))
        zoomed += [zoom(page, days) for days in ZOOM_DAYS]
        longest.append(page.evaluate("Math.max(0, ...window.longTasks)"))
        context.close()
    rows = [
        ("first chart drawn after navigation, ms", spread(drawn, ".0f"), 1500, drawn),
        ("zoom step to new data, ms", spread(zoomed, ".0f"), 400, zoomed),
        ("longest task on the main thread, ms", spread(longest, ".0f"), 300, longest),
    ]
    shown = [
        (name, text, target(statistics.median(values), bound)) for name, text, bound, values in rows
    ]
    shown.append(("page, gzipped, KB", f"{gzipped / 1024:.0f}", target(gzipped / 1024, 150)))
    table(["what", f"over {VISITS} visits with an empty cache", "median"], shown)


def zoom(page: Page, days: int) -> float:
    """Asks for the last `days` days; returns milliseconds until their data is drawn."""
    before = page.locator(".chart[data-loaded]").get_attribute("data-from")
    start = time.perf_counter()
    page.click(f"figure [data-days='{days}']")
    page.wait_for_function(
        "from => document.querySelector('.chart[data-loaded]').dataset.from !== from", arg=before
    )
    return 1000 * (time.perf_counter() - start)


def list_page(browser: Browser, service: Service, account: Account) -> None:
    heading(f"The list of {LIST_RUNS:,} runs")
    times = []
    for _ in range(VISITS):
        context = signed_in(browser, service, account)
        page = context.new_page()
        start = time.perf_counter()
        page.goto("/backtests", wait_until="commit")
        page.wait_for_selector("tbody tr")
        times.append(1000 * (time.perf_counter() - start))
        context.close()
    median = target(statistics.median(times), 400)
    table(["what", "spread", "median"], [("content, ms", spread(times, ".0f"), median)])


def signed_in(browser: Browser, service: Service, account: Account) -> BrowserContext:
    """A context with an empty cache, the account's session, and an eye on long tasks."""
    address = f"http://{service.address}"
    context = browser.new_context(
        viewport={"width": 1360, "height": 900}, base_url=address, reduced_motion="reduce"
    )
    context.add_cookies([{"name": SESSION_COOKIE, "value": account.session, "url": address}])
    context.add_init_script(WATCH_TASKS)
    return context
