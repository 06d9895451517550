from __future__ import annotations

from typing import Any

import pytest

from sandbox.job import MAX_SOURCE_BYTES, CheckReport, Problem
from server.accounts.users import User
from tests.server.conftest import Clients, FakeWorker


@pytest.fixture
def alices(clients: Clients, alice: User) -> Any:
    return clients.script(alice)


def test_validation_answers_with_parameters_or_problems(alices: Any, worker: FakeWorker) -> None:
    good = alices.post("/api/strategy/validate", json={"strategy_code": "x"})
    assert good.json() == {
        "valid": True,
        "problems": [],
        "parameters": [
            {"name": "fast", "type": "int", "default": 20},
            {"name": "ratio", "type": "float", "default": 0.5},
        ],
    }
    worker.report = CheckReport(problems=(Problem(2, 1, "no", "try this", "SP1"),))
    bad = alices.post("/api/strategy/validate", json={"strategy_code": "x"})
    assert bad.status_code == 200
    assert bad.json()["problems"] == [
        {"line": 2, "column": 1, "message": "no", "hint": "try this", "code": "SP1"}
    ]


@pytest.mark.parametrize(
    "body",
    [{}, {"strategy_code": 5}, {"strategy_code": "x" * (MAX_SOURCE_BYTES + 1)}],
)
def test_validation_needs_a_text_that_fits(alices: Any, body: dict[str, Any]) -> None:
    answer = alices.post("/api/strategy/validate", json=body)
    assert answer.status_code == 422
    assert list(answer.json()["details"]["fields"]) == ["strategy_code"]


def test_a_strategy_is_kept_saved_and_deleted(alices: Any) -> None:
    made = alices.post("/api/strategy", json={"name": "Cross", "code": "v1"})
    assert made.status_code == 201
    document = made.json()
    assert sorted(document) == [
        "code",
        "created_at",
        "name",
        "problems",
        "strategy_id",
        "updated_at",
        "valid",
        "version",
    ]
    where = f"/api/strategy/{document['strategy_id']}"
    saved = alices.put(where, json={"name": "Cross", "code": "v2"}).json()
    assert (saved["version"], saved["code"]) == (2, "v2")
    assert alices.get(where).json() == saved
    versions = alices.get(f"{where}/versions").json()["items"]
    assert [item["version"] for item in versions] == [2, 1]
    assert [item["strategy_id"] for item in alices.get("/api/strategy").json()["items"]] == [
        document["strategy_id"]
    ]
    assert alices.delete(where).status_code == 204
    assert alices.get(where).status_code == 404
    assert alices.get(f"{where}/versions").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"code": "v1"}, "name"),
        ({"name": "", "code": "v1"}, "name"),
        ({"name": "Cross"}, "code"),
        ({"name": "Cross", "code": "v1", "owner": 5}, "owner"),
    ],
)
def test_wrong_fields_are_422(alices: Any, body: dict[str, Any], field: str) -> None:
    answer = alices.post("/api/strategy", json=body)
    assert answer.status_code == 422
    assert list(answer.json()["details"]["fields"]) == [field]


def test_everything_that_is_wrong_with_a_strategy_is_told_at_once(alices: Any) -> None:
    answer = alices.post("/api/strategy", json={"name": "", "code": 5})
    assert answer.json()["details"]["fields"] == {
        "name": ["must have 1 to 120 characters"],
        "code": ["must be a text"],
    }


def test_unknown_fields_are_told_beside_the_others(alices: Any) -> None:
    answer = alices.post("/api/strategy/validate", json={"strategy_code": 5, "extra": 1})
    assert answer.json()["details"]["fields"] == {
        "extra": ["unknown field"],
        "strategy_code": ["must be a text"],
    }


def test_saving_what_is_not_there_is_404(alices: Any) -> None:
    answer = alices.put("/api/strategy/st_nothing", json={"name": "Cross", "code": "v1"})
    assert answer.status_code == 404


def test_lists_have_no_code_and_come_fifty_a_page(alices: Any) -> None:
    made = alices.post("/api/strategy", json={"name": "Cross", "code": "v1"}).json()
    where = f"/api/strategy/{made['strategy_id']}"
    for number in range(2, 53):
        alices.put(where, json={"name": "Cross", "code": f"v{number}"})
    listed = alices.get("/api/strategy").json()
    assert sorted(listed["items"][0]) == [
        "created_at",
        "name",
        "problems",
        "strategy_id",
        "updated_at",
        "valid",
        "version",
    ]
    assert listed["next_cursor"] is None
    first = alices.get(f"{where}/versions").json()
    assert [item["version"] for item in first["items"]] == list(range(52, 2, -1))
    assert "code" not in first["items"][0]
    rest = alices.get(f"{where}/versions", params={"cursor": first["next_cursor"]}).json()
    assert [item["version"] for item in rest["items"]] == [2, 1]
    assert rest["next_cursor"] is None
    assert alices.get(where, params={"version": 7}).json()["code"] == "v7"
    assert alices.get(where, params={"version": 53}).status_code == 404


@pytest.mark.parametrize("query", ["limit=51", "limit=0", "cursor=x", "cursor=-1", "cursor="])
def test_a_page_that_cannot_be_is_422(alices: Any, query: str) -> None:
    made = alices.post("/api/strategy", json={"name": "Cross", "code": "v1"}).json()
    for path in ("/api/strategy", f"/api/strategy/{made['strategy_id']}/versions"):
        assert alices.get(f"{path}?{query}").status_code == 422
