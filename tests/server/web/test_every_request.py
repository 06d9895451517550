from __future__ import annotations

import dataclasses
import logging
import sqlite3
from typing import Any

import pytest

from server.accounts.access import CSRF_COOKIE
from server.accounts.users import User
from server.services import Services
from server.web import every_request
from server.web.app import create_app
from server.web.every_request import HEADERS
from tests.server.builders import sqlite_error
from tests.server.conftest import Clients
from tests.server.loops import run_async


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("GET", "/nowhere", 404),
        ("POST", "/health", 405),
        ("GET", "/static/nothing.css", 404),
    ],
)
def test_every_answer_carries_the_security_headers(
    clients: Clients, method: str, path: str, status: int
) -> None:
    answer = clients.charlie().request(method, path)
    assert answer.status_code == status
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert len(answer.headers["x-request-id"]) == 16


def test_scripts_get_the_uniform_body_and_people_a_page(clients: Clients) -> None:
    charlie = clients.charlie()
    assert charlie.get("/api/nowhere").json() == {
        "error": "not_found",
        "message": "There is nothing at this address.",
        "details": None,
        "backtest_id": None,
    }
    page = charlie.get("/nowhere", headers={"Accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "There is nothing at this address." in page.text


def test_more_requests_a_minute_than_allowed_are_429(services: Services) -> None:
    settings = services.settings.model_copy(update={"rate_limit_per_minute": 2})
    app = create_app(dataclasses.replace(services, settings=settings))
    charlie = Clients(app, services.store, []).charlie()
    assert [charlie.get("/api/x").status_code for _ in range(3)] == [404, 404, 429]
    refused = charlie.get("/api/x")
    assert refused.json()["error"] == "rate_limited"
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["ratelimit-remaining"] == "0"
    assert refused.headers["ratelimit-reset"] == refused.headers["retry-after"]
    assert refused.headers["x-frame-options"] == "DENY"
    assert charlie.get("/health").status_code == 200


def status_for(app: Any, address: str) -> int:
    """The status that a request from `address` gets."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/api/x",
        "raw_path": b"/api/x",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "headers": [],
        "client": (address, 50_000),
        "server": ("testserver", 80),
        "state": {},
    }
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    run_async(app(scope, receive, send))
    return statuses[0]


def test_all_addresses_of_one_holder_share_a_limit(services: Services) -> None:
    settings = services.settings.model_copy(update={"rate_limit_per_minute": 2})
    app = create_app(dataclasses.replace(services, settings=settings))
    assert [status_for(app, f"2001:db8::{host}") for host in range(3)] == [404, 404, 429]
    assert status_for(app, "2001:db8:0:1::1") == 404


def test_a_form_that_is_too_large_is_413(clients: Clients) -> None:
    charlie = clients.charlie()
    charlie.get("/login")
    token = charlie.cookies[CSRF_COOKIE]
    form = {"name": "x", "password": "x" * 2048 * 1024}
    answer = charlie.post("/login", data=form, headers={"X-CSRFToken": token})
    assert answer.status_code == 413


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_a_database_in_trouble_is_told_before_any_route_too(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    def locked(*_: object) -> None:
        raise sqlite_error(sqlite3.SQLITE_BUSY)

    charlie = clients.charlie(accept=accept)
    monkeypatch.setattr(every_request, "identify", locked)
    answer = charlie.get("/backtests")
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith(accept)
    assert "The service is busy; try again in a moment." in answer.text
    assert answer.headers["retry-after"] == "5"
    assert answer.headers["x-frame-options"] == "DENY"


def test_requests_are_logged_without_secrets(
    clients: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="server.web.every_request"):
        clients.charlie().get("/shared/whisper/trips")
        clients.charlie(authorization="Bearer stk_secret").get("/nowhere?password=hush")
    assert "path=/nowhere status=404" in caplog.text
    assert "stk_secret" not in caplog.text
    assert "hush" not in caplog.text
    assert "path=/shared/.../trips status=404" in caplog.text
    assert "whisper" not in caplog.text


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_a_machine_without_a_thread_to_spare_answers_in_the_usual_shape(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    async def no_thread(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    charlie = clients.charlie(accept=accept)
    monkeypatch.setattr(every_request.Edge, "_pass_on", no_thread)
    answer = charlie.get("/backtests")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.headers["content-type"].startswith(accept)
    assert "The machine is at its limits" in answer.text


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/backtest", "GET, HEAD, OPTIONS, POST"),
        ("/api/backtest/batch", "OPTIONS, POST"),
        ("/api/backtest/bt_x", "DELETE, GET, HEAD, OPTIONS"),
        ("/api/backtest/bt_x/cancel", "OPTIONS, POST"),
        ("/api/backtest/bt_x/log.txt", "GET, HEAD, OPTIONS"),
        ("/api/strategy", "GET, HEAD, OPTIONS, POST"),
        ("/api/strategy/st_x", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("/health", "GET, HEAD, OPTIONS"),
    ],
)
def test_every_method_of_an_address_is_named(
    clients: Clients, alice: User, path: str, methods: str
) -> None:
    script = clients.script(alice)
    assert script.options(path).headers["allow"] == methods
    refused = script.patch(path)
    assert refused.status_code == 405
    assert refused.headers["allow"] == methods
