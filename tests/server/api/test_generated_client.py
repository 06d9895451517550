"""A client that openapi-python-client makes of the document, and every answer held against it."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jsonschema_rs import validator_for
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType

from tests.server.conftest import CODE, document
from tests.server.live import LiveService, wait_for

# What has more than its shape names: layers of the sandbox by name, counts of what was found.
OPEN = ("DataQuality", "Sandbox", "ErrorDetails")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    made = LiveService(tmp_path_factory.mktemp("live"))
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def token(service: LiveService) -> str:
    return service.token("alice")


@pytest.fixture(scope="module")
def described(service: LiveService) -> Any:
    return service.ask("GET", "/schema/openapi.json")[1]


@pytest.fixture(scope="module")
def client(
    service: LiveService, token: str, described: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Any]]:
    """Gives modules of the generated client, and as `client("")` the client that calls take."""
    home = tmp_path_factory.mktemp("generated")
    source = home / "openapi.json"
    source.write_text(json.dumps(described))
    config = Config.from_sources(
        ConfigFile(post_hooks=[]),
        MetaType.NONE,
        document_source=source,
        file_encoding="utf-8",
        overwrite=False,
        output_path=home / "made_client",
    )
    assert [error.detail or error.header for error in generate(config=config)] == []
    sys.path.insert(0, str(home))
    caller = importlib.import_module("made_client").AuthenticatedClient(service.url, token)
    yield lambda name: importlib.import_module(f"made_client.{name}") if name else caller
    sys.path.remove(str(home))
    for name in [name for name in sys.modules if name.startswith("made_client")]:
        del sys.modules[name]


def test_a_generated_client_submits_waits_and_reads(client: Callable[[str], Any]) -> None:
    calls = "api.backtests"
    models = client("models")
    body = models.BacktestOfCode.from_dict(document(strategy_code=CODE, params={"fast": 5}))
    accepted = client(f"{calls}.submit_backtest").sync(client=client(""), body=body)
    assert isinstance(accepted, models.Accepted)
    run = accepted.backtest_id

    def ended() -> Any:
        found = client(f"{calls}.get_backtest").sync(run, client=client(""), points="5")
        return found if found.status not in ("queued", "running") else None

    result = wait_for(ended)
    assert result.status == "completed", result.error_message
    assert isinstance(result.metrics, models.Metrics)
    assert result.metrics.total_trades == result.trades_total == len(result.trades) > 0
    assert result.trades[0].action == "buy"
    assert len(result.portfolio_history) >= 2
    assert result.config.params.to_dict() == {"fast": 5}
    text = client(f"{calls}.get_artifact").sync(
        run, models.GetArtifactName.TRADES_CSV, client=client("")
    )
    assert len(text.splitlines()) == result.trades_total + 1
    events = client(f"{calls}.follow_backtest").sync(run, client=client(""))
    assert "event: end" in events
    missing = client(f"{calls}.get_backtest").sync("bt_x", client=client(""))
    assert isinstance(missing, models.Error)
    assert missing.error == "not_found"


def test_every_answer_has_the_shape_that_the_document_gives_it(
    service: LiveService, token: str, described: Any
) -> None:
    schemas = described["components"]["schemas"]
    for name, schema in schemas.items():
        if "properties" in schema and name not in OPEN:
            schema["additionalProperties"] = False
    seen = set()

    def check(method: str, path: str, operation: str, body: Any = None) -> Any:
        status, answer = service.ask(method, path, body, token)
        there = next(
            item
            for methods in described["paths"].values()
            for item in methods.values()
            if item["operationId"] == operation
        )
        response = there["responses"].get(str(status), there["responses"]["default"])
        if "$ref" in response:
            response = described["components"]["responses"][response["$ref"].split("/")[-1]]
        schema = response["content"]["application/json"]["schema"]
        rules = validator_for({**schema, "components": described["components"]})
        complaints = [f"{error.instance_path}: {error}" for error in rules.iter_errors(answer)]
        assert complaints == [], (operation, status)
        seen.add((operation, status))
        return answer

    body = document(trading_mode="futures", max_leverage=3.0)
    run = check("POST", "/api/backtest", "submit_backtest", body)["backtest_id"]
    check("GET", f"/api/backtest/{run}", "get_backtest")
    service.result(token, run)
    assert check("GET", f"/api/backtest/{run}", "get_backtest")["status"] == "completed"
    check("GET", f"/api/backtest/{run}?include=&points=all", "get_backtest")
    fails = "class A(Strategy):\n    def on_data(self, data):\n        raise KeyError(1)\n"
    batch = {"strategy_code": fails, "items": [without_code(body)]}
    failed = check("POST", "/api/backtest/batch", "submit_batch", batch)["items"][0]["backtest_id"]
    service.result(token, failed)
    assert check("GET", f"/api/backtest/{failed}", "get_backtest")["error"]["line"] == 3
    check("GET", "/api/backtest", "list_backtests")
    check("POST", f"/api/backtest/{failed}/cancel", "cancel_backtest")
    check("POST", "/api/backtest", "submit_backtest", document(seed=-1))
    check("POST", "/api/backtest", "submit_backtest", document(strategy_code="x ="))
    check("GET", "/api/backtest/bt_x", "get_backtest")
    check("POST", "/api/strategy/validate", "validate_strategy", {"strategy_code": "import os"})
    check("POST", "/api/strategy/validate", "validate_strategy", {"strategy_code": CODE})
    for code in ("x =", CODE):
        kept = check("POST", "/api/strategy", "create_strategy", {"name": "x", "code": code})
    where = f"/api/strategy/{kept['strategy_id']}"
    check("PUT", where, "save_strategy", {"name": "y", "code": "x"})
    check("GET", where, "get_strategy")
    check("GET", f"{where}/versions", "list_versions")
    check("GET", "/api/strategy", "list_strategies")
    check("GET", "/api/data/symbols", "list_symbols")
    check("GET", "/api/data/history?symbol=TINYUSDT&timeframe=1h&limit=3", "get_history")
    check("GET", "/health", "get_health")
    check("GET", "/ready", "get_readiness")
    assert {status for _, status in seen} == {200, 201, 202, 404, 409, 422}


def without_code(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "strategy_code"}
