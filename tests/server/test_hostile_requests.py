"""Requests that no client sends by accident: never a 500, never another tenant's data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.accounts.users import User
from server.services import Services
from tests.server.builders import queue_runs
from tests.server.conftest import Clients, document

HALF = "\\ud800"  # half of a surrogate pair, in JSON
DEEP = b'{"params":' + b"[" * 200 + b"]" * 200 + b"}"
HUGE = "9" * 5000


@pytest.fixture
def alices(clients: Clients, alice: User) -> Any:
    return clients.script(alice)


def body(**raw: str) -> bytes:
    """A request whose given fields are JSON text as it stands."""
    plain = document()
    fields = [f'"{name}":{json.dumps(value)}' for name, value in plain.items() if name not in raw]
    fields += [f'"{name}":{text}' for name, text in raw.items()]
    return ("{" + ",".join(fields) + "}").encode()


# One app for all of them: it is the dearest part of a test.
HOSTILE: list[dict[str, str]] = [
    {"strategy_code": f'"x = 1 # {HALF}"'},
    {"name": f'"{HALF}"'},
    {"name": '"\\u0000"'},
    {"name": '"\\u202egnp.exe"'},
    {"name": '"\\u001b]0;owned\\u0007"'},
    {"symbol": f'"{HALF}"'},
    {"symbol": '"../../etc"'},
    {"symbol": '"TINYUSDT\\u0000"'},
    {"symbol": '"TINYUSDT\\n"'},
    {"timeframe": '"../1h"'},
    {"start_date": '"0000-00-00"'},
    {"start_date": '"9999-12-31T99"'},
    {"start_date": '"-0001-01-01"'},
    {"end_date": '"9999-12-31"'},
    {"initial_capital": "1e400"},
    {"initial_capital": HUGE},
    {"initial_capital": "-0.0"},
    {"initial_capital": '"1e3"'},
    {"initial_capital": "true"},
    {"seed": "1e30"},
    {"seed": HUGE},
    {"seed": "-1"},
    {"params": f'{{"fast": {HUGE}}}'},
    {"params": '{"fast": 1e400}'},
    {"params": f'{{"{HALF}": 1}}'},
    {"params": '{"fast": {"a": 1}}'},
    {"params": "[" * 50 + "]" * 50},
    {"params": '{"__class__": 1, "_run": 2}'},
    {"strategy_id": '"../../x"'},
    {"strategy_id": f'"{HALF}"'},
    {"strategy_id": HUGE},
    {"owner": '"bob"'},
    {"user_id": "1"},
    {"backtest_id": '"bt_20230101_000000_other"'},
]


def test_a_hostile_field_is_refused_or_harmless(alices: Any) -> None:
    for raw in HOSTILE:
        answer = alices.post("/api/backtest", content=body(**raw))
        assert answer.status_code in (202, 400, 404, 422), (raw, answer.text[:300])
        if answer.status_code == 202:
            # What was taken can be shown, and does not stay in the queue.
            where = f"/api/backtest/{answer.json()['backtest_id']}"
            assert alices.get(where).status_code == 200, raw
            assert alices.delete(where).status_code in (200, 202, 204), raw


@pytest.mark.parametrize("content", [DEEP, b"[" * 5000, b'{"a":' * 5000, b'{"seed":' + b"9" * 5000])
def test_a_json_bomb_is_refused(alices: Any, content: bytes) -> None:
    assert alices.post("/api/backtest", content=content).status_code in (400, 413, 422)
    assert alices.post("/api/backtest/batch", content=content).status_code in (400, 413, 422)
    assert alices.post("/api/strategy", content=content).status_code in (400, 413, 422)
    assert alices.post("/api/strategy/validate", content=content).status_code in (400, 413, 422)


@pytest.mark.parametrize(
    "name", ["%2e%2e%2f", "config.json%00", "..%2fconfig.json", "log.txt%5c", "LOG.TXT"]
)
def test_artifact_names_lead_nowhere_else(
    alices: Any, alice: User, services: Services, name: str
) -> None:
    (run,) = queue_runs(services.store, services.settings, alice, 1)
    answer = alices.get(f"/api/backtest/{run.id}/{name}")
    assert answer.status_code in (307, 400, 404, 405)


@pytest.mark.parametrize(
    "identity", ["..%2f..%2fetc", "%00", "%ed%a0%80", "a" * 5000, "bt_20230101_000000_%0d%0aX"]
)
def test_an_id_that_is_none_is_not_found(alices: Any, identity: str) -> None:
    for path in (identity, f"{identity}/events", f"{identity}/log.txt", f"{identity}/cancel"):
        assert alices.get(f"/api/backtest/{path}").status_code in (400, 404, 405)


def test_bobs_runs_do_not_exist_for_alice_whatever_she_asks(
    clients: Clients, alice: User, bob: User, services: Services
) -> None:
    (run,) = queue_runs(services.store, services.settings, bob, 1)
    script, browser = clients.script(alice), clients.browser(alice)
    for path in ("", "/events", "/log.txt", "/config.json", "/trades", "/portfolio", "/chart"):
        assert script.get(f"/api/backtest/{run.id}{path}").status_code == 404, path
        assert browser.get(f"/backtests/{run.id}{path}").status_code in (404, 405), path
    for method, path in (("post", "/cancel"), ("delete", "")):
        assert getattr(script, method)(f"/api/backtest/{run.id}{path}").status_code == 404
    for path in ("/cancel", "/delete", "/star", "/notes", "/shares"):
        assert browser.post(f"/backtests/{run.id}{path}").status_code in (403, 404, 405), path


def test_an_idempotency_key_belongs_to_its_user(clients: Clients, alice: User, bob: User) -> None:
    key = {"Idempotency-Key": "same"}
    first = clients.script(alice).post("/api/backtest", json=document(), headers=key).json()
    second = clients.script(bob).post("/api/backtest", json=document(name="b"), headers=key)
    assert second.status_code == 202
    assert second.json()["backtest_id"] != first["backtest_id"]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_names_are_texts_on_every_page(clients: Clients, alice: User, name: str) -> None:
    script, browser = clients.script(alice), clients.browser(alice)
    run = script.post("/api/backtest", json=document(name=name)).json()["backtest_id"]
    kept = script.post("/api/strategy", json={"name": name, "code": f"# {name}\n"}).json()
    pages = ["/backtests", f"/backtests/{run}", "/strategies", "/", "/backtests/new"]
    pages += [f"/strategies/{kept['strategy_id']}", f"/backtests?q={name}", f"/compare?ids={run}"]
    for page in pages:
        shown = browser.get(page).text
        assert "<script>alert" not in shown, page
        assert "<img src=x" not in shown, page
