from __future__ import annotations

import json
from typing import Any

import pytest

from server.accounts.users import User
from server.api.bodies import MAX_DEPTH
from tests.server.conftest import CODE, Clients, FakeWorker, document

ADDRESSES = ("/api/backtest", "/api/backtest/batch", "/api/strategy", "/api/strategy/validate")


@pytest.fixture
def alices(clients: Clients, alice: User) -> Any:
    return clients.script(alice)


def nested(levels: int) -> Any:
    """Objects in one another, `levels` of them."""
    found: Any = 1
    for _ in range(levels):
        found = {"a": found}
    return found


def fields(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.text[:300]
    assert answer.json()["error"] == "invalid"
    return list(answer.json()["details"]["fields"])


@pytest.mark.parametrize("levels", [MAX_DEPTH, 254, 255, 900])
@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k"}])
def test_a_field_that_is_nested_too_deep_is_named(alices: Any, levels: int, key: Any) -> None:
    answer = alices.post("/api/backtest", json=document(params=nested(levels)), headers=key)
    assert fields(answer) == ["params"]
    batch = {"items": [document(), document(params=nested(levels))]}
    answer = alices.post("/api/backtest/batch", json=batch, headers=key)
    assert fields(answer) == ["items.1.params"]
    assert fields(alices.post("/api/backtest", json=nested(levels + 1), headers=key)) == ["a"]
    assert fields(alices.post("/api/strategy", json={"name": "x", "code": nested(levels)})) == [
        "code"
    ]


def test_one_level_less_is_judged_by_the_fields_own_rule(alices: Any) -> None:
    # The body is the first level.
    answer = alices.post("/api/backtest", json=document(params=nested(MAX_DEPTH - 1)))
    assert fields(answer) == ["params"]
    assert "deeper" not in answer.text


def test_a_list_that_is_nested_too_deep_is_the_body(alices: Any) -> None:
    content = b"[" * 300 + b"]" * 300
    for address in ADDRESSES:
        assert fields(alices.post(address, content=content)) == ["body"]


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b'{"seed": 1, "seed": 2}', "seed"),
        (b'{"items": [{}, {"params": {"x": 1, "y": 2, "x": 1}}]}', "x"),
        (b'{"a": 1, "\\u0061": 1}', "a"),
        (b'{"": 1, "": 1}', ""),
        (b'{"a": ' + b'{"b":' * 900 + b"1" + b"}" * 900 + b', "a": 1}', "a"),
    ],
)
def test_a_key_that_stands_twice_is_named(alices: Any, content: bytes, key: str) -> None:
    for address in ADDRESSES:
        answer = alices.post(address, content=content)
        assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")
        assert f"The key {json.dumps(key)} stands twice in one object." == answer.json()["message"]


def test_the_same_key_in_two_objects_is_no_complaint(alices: Any) -> None:
    batch = {"items": [document(seed=1), document(seed=2)]}
    assert alices.post("/api/backtest/batch", json=batch).status_code == 202


@pytest.mark.parametrize(
    "given", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "json"]
)
def test_a_body_of_another_type_is_415(alices: Any, worker: FakeWorker, given: str) -> None:
    body = json.dumps(document()).encode()
    for address in ADDRESSES:
        answer = alices.post(address, content=body, headers={"Content-Type": given})
        assert (answer.status_code, answer.json()["error"]) == (415, "unsupported_media_type")
        assert given in answer.json()["message"]
    assert worker.told == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/json"},
        {"Content-Type": "Application/JSON; charset=utf-8"},
        {"Content-Type": "application/vnd.sandtable+json"},
        {"Content-Encoding": "identity"},
    ],
)
def test_json_by_any_of_its_names_is_taken_and_a_body_without_a_type(
    alices: Any, headers: Any
) -> None:
    body = json.dumps({"strategy_code": CODE}).encode()
    answer = alices.post("/api/strategy/validate", content=body, headers=headers)
    assert answer.status_code == 200


def test_a_body_that_is_compressed_is_415(alices: Any) -> None:
    answer = alices.post("/api/backtest", content=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")


def test_a_request_without_a_body_needs_no_type(alices: Any) -> None:
    made = alices.post("/api/backtest", json=document()).json()["backtest_id"]
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = alices.post(f"/api/backtest/{made}/cancel", headers=headers)
    assert answer.status_code == 202
