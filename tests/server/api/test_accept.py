from __future__ import annotations

from typing import Any

import pytest

from server.accounts.users import User
from server.api.accept import accepts
from server.services import Services
from tests.server.builders import queue_runs
from tests.server.conftest import Clients, FakeWorker, document


@pytest.mark.parametrize(
    ("header", "passes"),
    [
        ("", True),
        ("*/*", True),
        ("text/html, */*;q=0.1", True),
        ("application/*", True),
        ("APPLICATION/JSON;q=0.5;charset=utf-8", True),
        ("text/html", False),
        ("application/xml, text/*", False),
        # The range that fits best decides, wherever it stands.
        ("*/*, application/json;q=0", False),
        ("application/json;q=0.0, application/*", False),
        ("application/*;q=0, application/json", True),
        ("*/*;q=0", False),
    ],
)
def test_an_accept_header_lets_json_pass_or_not(header: str, passes: bool) -> None:
    assert accepts(header, "application/json") is passes


@pytest.fixture
def run(services: Services, alice: User) -> str:
    made = queue_runs(services.store, services.settings, alice)[0].id
    services.artifacts.store(made, {"trades.csv": b"a,b\n", "log.txt": b"", "plots.json": b"{}"})
    return made


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("", "application/json"),
        ("/trades.csv", "text/csv"),
        ("/log.txt", "text/plain"),
        ("/plots.json", "application/json"),
        ("/events", "text/event-stream"),
    ],
)
def test_what_cannot_be_accepted_is_406(
    clients: Clients, alice: User, services: Services, run: str, path: str, media_type: str
) -> None:
    script = clients.script(alice)
    script.post(f"/api/backtest/{run}/cancel")  # its events end
    address = f"/api/backtest/{run}{path}"
    assert script.get(address, headers={"Accept": media_type}).status_code == 200
    refused = script.get(address, headers={"Accept": "image/png, application/xml"})
    assert (refused.status_code, refused.json()["error"]) == (406, "not_acceptable")
    assert f"answers with {media_type}" in refused.json()["message"]
    assert script.head(address, headers={"Accept": "image/png"}).status_code == 406


def test_nothing_is_done_whose_answer_could_not_be_read(
    clients: Clients, alice: User, worker: FakeWorker
) -> None:
    script: Any = clients.script(alice)
    answer = script.post("/api/backtest", json=document(), headers={"Accept": "text/csv"})
    assert answer.status_code == 406
    assert worker.told == []


def test_addresses_beside_the_api_say_so_too(clients: Clients) -> None:
    charlie = clients.charlie()
    for path in ("/health", "/metrics", "/schema/openapi.json"):
        assert charlie.get(path, headers={"Accept": "image/png"}).status_code == 406, path
    assert charlie.get("/schema/openapi.json", headers={"Accept": "application/json"}).is_success
