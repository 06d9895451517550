"""The OpenAPI document, held against what the service answers: no 500, nothing undocumented."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema_rs import validator_for
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from server.accounts.tokens import create_token
from server.accounts.users import User
from server.backtests.backtest import request_cancel
from server.services import Services
from server.strategies.strategy import create_strategy
from server.web.app import create_app
from tests.server.builders import queue_runs
from tests.server.conftest import Clients, document

EXAMPLES = 12
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


def test_the_documents_examples_are_accepted(clients: Clients, alice: User) -> None:
    described = clients.charlie().get("/schema/openapi.json").json()
    script = clients.script(alice)
    for path in ("/api/strategy/validate", "/api/strategy"):
        body = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        assert script.post(path, json=body["example"]).status_code in (200, 201)
    body = described["paths"]["/api/backtest"]["post"]["requestBody"]["content"]
    example = {**body["application/json"]["example"], **document(strategy_code="x")}
    assert script.post("/api/backtest", json=example).status_code == 202


def test_every_operation_says_what_it_does_takes_and_answers(clients: Clients) -> None:
    described = clients.charlie().get("/schema/openapi.json").json()
    examples = 0
    for methods in described["paths"].values():
        for operation in methods.values():
            name = operation["operationId"]
            assert name == name.lower(), name
            assert operation["description"], name
            for parameter in operation.get("parameters", []):
                assert parameter["description"], (name, parameter["name"])
            bodies = [operation["requestBody"]] if "requestBody" in operation else []
            for status, answer in operation["responses"].items():
                answer = resolved(described, answer)
                assert "X-Request-Id" in answer.get("headers", {}) or status == "304"
                bodies += [answer] if status != "default" else []
            for body in bodies:
                for media in body.get("content", {}).values():
                    assert "example" in media, name
                    complain = validator_for(
                        {**media["schema"], "components": described["components"]}
                    )
                    assert [str(error) for error in complain.iter_errors(media["example"])] == []
                    examples += 1
    assert examples > 60


def resolved(described: Any, item: Any) -> Any:
    for name in item.get("$ref", "").split("/")[1:]:
        described = described[name]
    return described if "$ref" in item else item


def test_the_document_loads_nothing_from_elsewhere(clients: Clients) -> None:
    text = clients.charlie().get("/schema/openapi.json").text
    assert "http://" not in text
    assert "https://" not in text


@pytest.fixture
def known(services: Services, alice: User) -> dict[str, str]:
    """Ids that exist, so that not every made-up request ends in 404."""
    report = services.worker.check("v1", alice.id)
    made = queue_runs(services.store, services.settings, alice)[0].id
    # Nobody runs it here: the stream of its events would have no end.
    request_cancel(services.store, alice.id, made)
    return {
        "backtest_id": made,
        "strategy_id": create_strategy(services.store, alice.id, "Cross", "v1", report).id,
    }


def test_made_up_requests_find_no_500_and_no_undocumented_answer(
    services: Services, alice: User, known: dict[str, str]
) -> None:
    unhurried = services.settings.model_copy(update={"rate_limit_per_minute": 1_000_000})
    app = create_app(replace(services, settings=unhurried))
    headers = {"Authorization": f"Bearer {create_token(services.store, alice.id)}"}
    tried = 0

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def ask(operation: Any, data: st.DataObject) -> None:
        nonlocal tried
        tried += 1
        case = data.draw(operation.as_strategy())
        if tried % 2:
            for name in known.keys() & (case.path_parameters or {}).keys():
                case.path_parameters[name] = known[name]
        # The document describes the stream of events as the string that clients get; schemathesis
        # holds each event, taken apart, against it.
        stream = case.path.endswith("/events")
        checks = [item for item in CHECKS if item is not response_schema_conformance or not stream]
        case.call_and_validate(checks=checks, headers=headers)

    schema = schemathesis.openapi.from_asgi("/schema/openapi.json", app)
    for found in schema.get_all_operations():
        ask(found.ok())
    assert tried >= EXAMPLES * 10


def test_the_error_body_is_the_same_everywhere(clients: Clients, alice: User) -> None:
    script, charlie = clients.script(alice), clients.charlie()
    answers = [
        charlie.get("/api/backtest"),
        script.get("/api/backtest/bt_x"),
        script.post("/api/backtest", content=b"{"),
        script.post("/api/backtest", json={}),
        script.delete("/api/backtest"),
        script.get("/api/nowhere"),
        script.get("/metrics"),
        charlie.get("/schema/swagger"),
    ]
    assert [answer.status_code for answer in answers] == [401, 404, 400, 422, 405, 404, 403, 404]
    for answer in answers:
        body = json.loads(answer.content)
        assert sorted(body) == ["backtest_id", "details", "error", "message"]
        assert body["message"][-1] in ".)'" or body["details"]
