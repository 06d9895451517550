"""The real service with the real sandbox, and a browser that tolerates nothing.

Every page is watched: an error on the console, a script that throws, or a request that leaves
the service fails the test that caused it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from server.accounts.access import SESSION_COOKIE
from server.accounts.passwords import Passwords
from server.accounts.sessions import start_session
from server.accounts.users import User, create_user
from server.settings import PROJECT_ROOT
from server.storage.db import Store
from tests.browser.history import write_history

PASSWORD = "correct horse battery"
START_S = 60.0
# Long enough for a machine that does much else; what comes sooner is seen sooner.
PATIENCE_MS = 15_000
expect.set_options(timeout=PATIENCE_MS)
# Each is what the browser itself writes about an answer that the test asked for.
ANSWERED_422 = r"status of 422"
ANSWERED_404 = r"status of 404"


@dataclass
class Service:
    """A running service, and the means to make people who use it."""

    url: str
    store: Store
    process: subprocess.Popen[bytes]

    def user(self, name: str, *, admin: bool = False) -> User:
        return create_user(self.store, Passwords(), name, PASSWORD, admin=admin)


def start_service(directory: Path, data: Path) -> Service:
    """`sandtable serve` on a free port, ready when this returns."""
    environment = os.environ | {
        "SANDTABLE_RESULTS_DIRECTORY": str(directory / "results"),
        "SANDTABLE_DATA_DIRECTORY": str(data),
        "SANDTABLE_RATE_LIMIT_PER_MINUTE": "100000",
        "SANDTABLE_SANDBOX_LEVEL": "degraded",
        "SANDTABLE_SIGNUP": "open",
    }
    log_path = directory / "service.log"
    with open(log_path, "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "server", "serve", "--port", "0"],
            cwd=PROJECT_ROOT,
            env=environment,
            stderr=log,
            stdout=log,
        )
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"Sandtable is at (http://\S+)", log_path.read_text())
        if found and _healthy(found.group(1)):
            store = Store(directory / "results/sandtable.db")
            return Service(found.group(1), store, process)
        time.sleep(0.1)
    process.kill()
    raise AssertionError(f"the service did not start:\n{log_path.read_text()[-3000:]}")


def stop_service(service: Service) -> None:
    service.process.send_signal(signal.SIGTERM)
    try:
        service.process.wait(20)
    except subprocess.TimeoutExpired:
        service.process.kill()
        service.process.wait()
    service.store.close()


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return b'"starting"' not in answer.read()
    except OSError:
        return False


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("service")
    write_history(directory / "data")
    running = start_service(directory, directory / "data")
    yield running
    stop_service(running)


@dataclass
class Watch:
    """What went wrong in a browser, but for what the test says that it expects."""

    origin: str
    problems: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        context.set_default_timeout(PATIENCE_MS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.problems.append(f"script: {error.error}"))
        context.on("request", self._request)

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.problems.append(f"left the origin: {request.url}")

    def verdict(self) -> list[str]:
        # htmx reports a request that a navigation cut off; nothing is lost by that.
        known = [r"htmx:(sendAbort|afterRequest)", r"Response Status Error", *self.expected]
        return [p for p in self.problems if not any(re.search(k, p) for k in known)]


@pytest.fixture
def watch(service: Service) -> Iterator[Watch]:
    made = Watch(service.url)
    yield made
    assert made.verdict() == []


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, service: Service, watch: Watch) -> Iterator[Open]:
    """`open_page(user=None, **options of a browser context)`: a page, signed in if a user."""
    contexts: list[BrowserContext] = []

    def make(user: User | None = None, **options: Any) -> Page:
        options = {"viewport": {"width": 1280, "height": 900}, "base_url": service.url} | options
        context = browser.new_context(reduced_motion="reduce", **options)
        contexts.append(context)
        watch.over(context)
        if user is not None:
            secret = start_session(service.store, user.id, days=1)
            context.add_cookies([{"name": SESSION_COOKIE, "value": secret, "url": service.url}])
        return context.new_page()

    yield make
    for context in contexts:
        context.close()
