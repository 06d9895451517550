"""Takes every page as a picture: wide and narrow, light and dark, into screenshots/.

    make screenshots                  every page
    make screenshots ARGS=result      the pages whose name contains "result"

A real service runs for it, on the sample data, with an account and runs of its own; both
go when it ends. Look at the pictures as somebody who sees the page for the first time.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, FloatRect, Page, TimeoutError, sync_playwright

from server.auth import SESSION_COOKIE
from tests.benchmarks.service import Account, Service
from tools import chromium

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "screenshots"
EXAMPLES = ROOT / "server" / "examples"
SIZES = {"wide": (1360, 900), "narrow": (390, 844)}
SCHEMES = ("light", "dark")
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
    """A page to take: its name in the picture's file, and where it is."""

    name: str
    path: str
    signed_in: bool = True


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
        alice = service.account("alice")
        views = [view for view in furnish(service, alice) if wanted in view.name]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"]
            )
            for view in views:
                take(browser, service, alice, view)
            browser.close()
    return 0


def furnish(service: Service, alice: Account) -> list[View]:
    """Makes something to see, and returns the views of it."""

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
    going = run(SLOW, SPOT, "Still going")
    saved = {"name": "Mean cross", "code": cross}
    strategy = service.post("/api/strategy", alice.api, saved)["strategy_id"]
    return [
        View("login", "/login", signed_in=False),
        View("signup", "/signup", signed_in=False),
        View("home", "/"),
        View("new", "/backtests/new"),
        View("result", f"/backtests/{spot}"),
        View("result-futures", f"/backtests/{futures}"),
        View("result-failed", f"/backtests/{failed}"),
        View("result-running", f"/backtests/{going}"),
        View("trips", f"/backtests/{spot}/trips"),
        View("compare", f"/backtests/compare?ids={spot},{other}"),
        View("shares", f"/backtests/{spot}/shares"),
        View("list", "/backtests"),
        View("strategies", "/strategies"),
        View("strategy", f"/strategies/{strategy}"),
        View("examples", "/examples"),
        View("data", "/data"),
        View("series", "/data/spot/DEMOBTCUSDT/1h"),
        View("account", "/account"),
        View("missing", "/backtests/bt_20240101_000000_aaaaaaaa"),
    ]


def take(browser: Browser, service: Service, alice: Account, view: View) -> None:
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
            if view.signed_in:
                context.add_cookies(
                    [{"name": SESSION_COOKIE, "value": alice.session, "url": address}]
                )
            page = context.new_page()
            page.goto(view.path)
            settle(page)
            path = PICTURES / f"{view.name}-{size}-{scheme}.png"
            page.screenshot(path=path, full_page=True)
            print(path.relative_to(ROOT), flush=True)
            if (view.name, size, scheme) == ("result", "wide", "light"):
                # Its top is the picture in the README: docs/result.png.
                page.screenshot(path=PICTURES / "cover.png", clip=COVER, full_page=True)
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
