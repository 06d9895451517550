"""Takes every page as a picture: wide and narrow, light and dark, into screenshots/.

    make screenshots                  every page
    make screenshots ARGS=result      the pages whose name contains "result"

A real service runs for it, on the sample data, with an account and runs of its own; both
go when it ends. Look at the pictures as somebody who sees the page for the first time.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, FloatRect, Page, TimeoutError, sync_playwright

from sandbox.job import CheckReport
from server.accounts.access import SESSION_COOKIE
from server.backtests.marks import set_marks
from server.backtests.shares import create_share
from server.strategies.strategy import save_strategy
from tests.benchmarks.service import Account, Service
from tools import chromium

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "screenshots"
EXAMPLES = ROOT / "server" / "examples"
SIZES = {"wide": (1360, 900), "narrow": (390, 844)}
SCHEMES = ("light", "dark")
PRINTED = ("result", "compare", "report")
COVER: FloatRect = {"x": 0, "y": 0, "width": 1360, "height": 1280}

SPOT = {
    "symbol": "DEMOBTCUSDT",
    "timeframe": "1h",
    "start_date": "2024-02-01",
    "end_date": "2024-12-31",
}
FUTURES = SPOT | {"trading_mode": "futures", "max_leverage": 50, "funding": True}
BROKEN = """class Broken(Strategy):
    def on_data(self, data):
        if data.close > 0:
            self.buy(self.mssing)
"""
SLOW = """class Slow(Strategy):
    def on_data(self, data):
        sum(range(2_000_000))
"""


@dataclass(frozen=True)
class View:
    """A page to take: its name in the picture's file, where it is, who looks, and what they do."""

    name: str
    path: str
    by: Account | None = None
    act: Callable[[Page], None] | None = None


def main(wanted: str = "") -> int:
    """Takes the pages whose name contains `wanted`; returns the exit code."""
    browser_path = chromium.find()
    if browser_path is None:
        print(chromium.ADVICE, file=sys.stderr)
        return 1
    PICTURES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Service(Path(folder) / "service", ROOT / "data") as service,
    ):
        views = [view for view in furnish(service) if wanted in view.name]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"]
            )
            for view in views:
                take(browser, service, view)
            browser.close()
    return 0


def furnish(service: Service) -> list[View]:
    """Makes something to see, and returns the views of it."""
    alice = service.account("alice")
    ada, nora = service.account("ada", admin=True), service.account("nora")

    def run(source: str, config: dict[str, Any], name: str) -> str:
        body = config | {"strategy_code": source, "name": name}
        return str(service.post("/api/backtest", alice.api, body)["backtest_id"])

    cross = (EXAMPLES / "mean_cross.py").read_text(encoding="utf-8")
    reckless = (EXAMPLES / "overleveraged.py").read_text(encoding="utf-8")
    averages = (EXAMPLES / "two_averages.py").read_text(encoding="utf-8")
    spot = run(averages, SPOT | {"end_date": "2025-12-31"}, "Two averages, two years")
    other = run(cross, SPOT | {"start_date": "2024-07-01"}, "Mean cross, half a year")
    futures = run(reckless, FUTURES, "Too much leverage")
    failed = run(BROKEN, SPOT, "A misspelt name")
    service.wait_until_ended(4)
    going = [run(SLOW, SPOT, f"Still going {number}") for number in range(1, 5)]
    owner = int(service.store.value("select user_id from backtests limit 1"))
    set_marks(service.store, owner, spot, starred=True, tags="trend keep", note="Fees eat it.")
    saved = {"name": "Mean cross", "code": cross}
    strategy = service.post("/api/strategy", alice.api, saved)["strategy_id"]
    report = CheckReport(class_name="MeanCross")
    later = cross.replace("bars_in_mean = 20", "bars_in_mean = 55")
    save_strategy(service.store, owner, strategy, "Mean cross", later, report)
    secret = create_share(service.store, owner, spot, with_code=True, days=30)
    return [
        View("welcome", "/"),
        View("login", "/login"),
        View("login-refused", "/login", act=sign_in_wrongly),
        View("signup", "/signup"),
        View("shared", f"/shared/{secret}"),
        View("shared-gone", "/shared/nothing"),
        View("first-run", "/backtests", nora),
        View("strategies-none", "/strategies", nora),
        View("home", "/", alice),
        View("new", "/backtests/new", alice),
        View("new-futures", "/backtests/new", alice, choose_futures),
        View("new-problems", "/backtests/new", alice, run_what_is_wrong),
        View("result", f"/backtests/{spot}", alice),
        View("result-futures", f"/backtests/{futures}", alice),
        View("result-failed", f"/backtests/{failed}", alice),
        View("result-running", f"/backtests/{going[0]}", alice),
        View("result-queued", f"/backtests/{going[-1]}", alice),
        View(
            "report", "about:blank", alice, partial(open_report, f"/backtests/{spot}/report.html")
        ),
        View("trips", f"/backtests/{spot}/trips", alice),
        View("compare", f"/backtests/compare?ids={spot},{other}", alice),
        View("shares", f"/backtests/{spot}/shares", alice),
        View("list", "/backtests", alice),
        View("list-chosen", "/backtests?sort=total_return&sharpe_ratio_min=-9", alice, choose_all),
        View("strategies", "/strategies", alice),
        View("strategy", f"/strategies/{strategy}", alice),
        View("diff", f"/strategies/{strategy}/diff", alice),
        View("examples", "/examples", alice),
        View("data", "/data", alice),
        View("data-add", "/data/add", ada),
        View("series", "/data/spot/DEMOBTCUSDT/1h", alice),
        View("account", "/account", alice),
        View("admin", "/admin", ada),
        View("shortcuts", "/examples", alice, lambda page: page.keyboard.press("?")),
        View("missing", "/backtests/bt_20240101_000000_aaaaaaaa", alice),
    ]


def sign_in_wrongly(page: Page) -> None:
    page.get_by_label("Name").fill("nobody")
    page.get_by_label("Password").fill("not it")
    page.get_by_role("button", name="Sign in").click()


def open_report(path: str, page: Page) -> None:
    """The report is a download: it is opened as the file that it is."""
    page.set_content(page.request.get(path).text())


def choose_futures(page: Page) -> None:
    page.get_by_label("futures").check()
    page.get_by_text("Fills, checks and seed").click()


def run_what_is_wrong(page: Page) -> None:
    page.get_by_label("Strategy (Python)").fill(BROKEN.replace("> 0:", "> 0"))
    page.get_by_label("Initial capital").fill("-5")
    page.get_by_label("From (UTC)").fill("2019-01-01")
    page.get_by_role("button", name="Run backtest").click()
    page.get_by_text("to solve before this can run").wait_for()


def choose_all(page: Page) -> None:
    page.get_by_label("Choose all shown").check()


def take(browser: Browser, service: Service, view: View) -> None:
    """Takes the view in every size and scheme."""
    address = f"http://{service.address}"
    for size, (width, height) in SIZES.items():
        for scheme in SCHEMES:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                reduced_motion="reduce",
                base_url=address,
            )
            if view.by is not None:
                context.add_cookies(
                    [{"name": SESSION_COOKIE, "value": view.by.session, "url": address}]
                )
            page = context.new_page()
            page.goto(view.path)
            settle(page)
            if view.act is not None:
                view.act(page)
                settle(page)
            page.evaluate("scrollTo(0, 0)")
            path = PICTURES / f"{view.name}-{size}-{scheme}.png"
            page.screenshot(path=path, full_page=True)
            print(path.relative_to(ROOT), flush=True)
            if (view.name, size, scheme) == ("result", "wide", "light"):
                # Its top is the picture in the README: docs/result.png.
                page.screenshot(path=PICTURES / "cover.png", clip=COVER, full_page=True)
            if (size, scheme) == ("wide", "dark") and view.name in PRINTED:
                page.emulate_media(media="print")
                page.screenshot(path=PICTURES / f"{view.name}-printed.png", full_page=True)
            context.close()


def settle(page: Page) -> None:
    """Waits for fetched parts to be drawn; a page that polls never goes quiet and is taken so."""
    try:
        page.wait_for_load_state("networkidle", timeout=4000)
    except TimeoutError:
        pass
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 300)))")


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:2]))
