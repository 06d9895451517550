"""`sandtable submit` and `sandtable fetch`: run backtests on a service from the shell."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import BacktestError, ConfigurationError, ValidationError
from server.commands.config_flags import (
    add_config_flags,
    config_document,
    print_fields,
    print_figures,
    print_problems,
    read_strategy,
)
from server.commands.http_client import ApiClient, ApiError
from server.commands.progress import ProgressBar
from server.storage.artifacts import NAMES

USAGE_ERROR = 2
ENDED = ("completed", "failed", "cancelled")


def add_parsers(commands: Any) -> None:
    """Add both commands to the `sandtable` parser."""
    submit = commands.add_parser("submit", help="run strategies on a service and wait")
    submit.add_argument("files", nargs="+", metavar="FILE", help="strategies; - is standard input")
    _add_service_flags(submit)
    add_config_flags(submit)
    submit.add_argument("--json", action="store_true", help="print the results as the API does")
    submit.set_defaults(command=_submit)
    fetch = commands.add_parser("fetch", help="the result of a run on a service")
    fetch.add_argument("backtest_id", metavar="ID")
    _add_service_flags(fetch)
    fetch.add_argument("--out", metavar="DIR", help="download its files into DIR")
    fetch.add_argument("--json", action="store_true", help="print the result as the API does")
    fetch.set_defaults(command=_fetch)


def _add_service_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", required=True, help="such as http://127.0.0.1:8000")
    parser.add_argument("--token", required=True, help="an API token (sandtable token create)")


def _submit(options: argparse.Namespace) -> int:
    try:
        config = config_document(options)
    except ValidationError as error:
        print_fields(error.fields, sys.stderr)
        return USAGE_ERROR
    items = [{**config, "strategy_code": read_strategy(name)} for name in options.files]
    client = ApiClient(options.url, options.token)
    # The key makes a request that is sent again, because its answer was lost, the same request.
    key = secrets.token_hex(16)
    try:
        accepted = client.post("/api/backtest/batch", {"items": items}, **{"Idempotency-Key": key})[
            "items"
        ]
    except ApiError as error:
        return _refused(error, options.files)
    worst = 0
    for name, item in zip(options.files, accepted, strict=True):
        try:
            document = _wait(client, item["backtest_id"], name)
        except ApiError:
            raise  # the service has spoken: there is nothing to wait for
        except (KeyboardInterrupt, BacktestError):
            _say_how_to_go_on(options.url, accepted[accepted.index(item) :])
            raise
        if len(options.files) > 1 and not options.json:
            print(f"{name}:")
        _print(document, name, as_json=options.json)
        worst = max(worst, 0 if document["status"] == "completed" else 1)
    return worst


def _say_how_to_go_on(url: str, left: list[Mapping[str, Any]]) -> None:
    """Runs belong to the service: nobody has to wait for them."""
    for item in left:
        print(
            f"it runs on; later: sandtable fetch {item['backtest_id']} --url {url} --token ...",
            file=sys.stderr,
        )


def _fetch(options: argparse.Namespace) -> int:
    client = ApiClient(options.url, options.token)
    where = f"/api/backtest/{options.backtest_id}"
    document = client.get(where)
    if options.out:
        directory = Path(options.out)
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"cannot write to {directory}: {error.strerror}") from error
        got = [name for name in NAMES if client.download(f"{where}/{name}", directory / name)]
        print(f"{len(got)} files are in {directory}", file=sys.stderr)
    _print(document, options.backtest_id, as_json=options.json)
    return 1 if document["status"] == "failed" else 0


def _wait(client: ApiClient, backtest_id: str, name: str) -> Mapping[str, Any]:
    """The result once the run has ended; a stream that breaks off is taken up again."""
    where = f"/api/backtest/{backtest_id}"
    with ProgressBar(name, sys.stderr) as bar:
        while True:
            for event, data in client.events(f"{where}/events"):
                if event != "end":
                    bar.show_bars(data["bar"], data["bars"])
                    continue
                document: Mapping[str, Any] = client.get(where)
                if document["status"] == "completed":
                    bar.show(document["portfolio_total"], document["portfolio_total"])
                return document


def _print(document: Mapping[str, Any], name: str, *, as_json: bool) -> None:
    error = document["error"]
    if error is not None:
        place = f"{name}:{error['line']}" if error["line"] else name
        print(f"{place}: {error['kind']}: {error['message']}", file=sys.stderr)
    if as_json:
        print(json.dumps(document))
    else:
        print_figures(document, sys.stdout)


def _refused(error: ApiError, files: list[str]) -> int:
    """Say what is wrong with which file; the fields of a batch are named items.N.field."""
    details = error.document.get("details") or {}
    for item in details.get("problems", []):
        print_problems(files[item["item"]], [item], sys.stderr)
    fields: dict[str, list[str]] = {}
    for name, messages in details.get("fields", {}).items():
        fields.setdefault(name.split(".", 2)[-1], []).extend(messages)
    print_fields({name: sorted(set(texts)) for name, texts in fields.items()}, sys.stderr)
    if not details:
        print(f"sandtable: {error}", file=sys.stderr)
    return USAGE_ERROR if error.status == 422 else 1
