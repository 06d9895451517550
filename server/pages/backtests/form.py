"""The New backtest form: what was typed, as the document that the API takes, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar.datastructures import UploadFile

from engine.config import BacktestConfig, ConfigLimits, config_violations
from engine.errors import ValidationError
from engine.history.store import Store as MarketStore
from sandbox.job import MAX_SOURCE_BYTES, CheckReport
from server.backtests import submissions
from server.pages.backtests import parameter_fields
from server.problems import Invalid

Values = dict[str, str]
Errors = dict[str, list[str]]
FLOATS = (
    "initial_capital",
    "max_leverage",
    "maintenance_margin_rate",
    "fee_rate",
    "slippage_bps",
)
CHECKBOXES = ("funding", "strict_orders")
FUTURES_ONLY = ("max_leverage", "maintenance_margin_rate", "funding")
ADVANCED = ("slippage_bps", "fill", "lookahead_check", "strict_orders", "seed")
PLAIN = ("symbol", "timeframe", "start_date", "end_date", "trading_mode", "fill", "lookahead_check")


def default_values(limits: ConfigLimits) -> Values:
    """The form before anybody touched it, but for market and code."""
    return {
        "name": "",
        "strategy_code": "",
        "origin_strategy": "",
        "strategy_name": "",
        "message": "",
        "trading_mode": "spot",
        "initial_capital": "10000",
        "fee_rate": "0.001",
        "max_leverage": "1",
        "maintenance_margin_rate": f"{limits.maintenance_margin_rate:g}",
        "slippage_bps": "0",
        "fill": "close",
        "lookahead_check": "sample",
        "seed": "0",
        "funding": "",
        "strict_orders": "",
    }


def values_of_config(config: Mapping[str, Any], limits: ConfigLimits) -> Values:
    """The form as it has to be filled to run `config` again."""
    values = default_values(limits)
    for name in (*PLAIN, *FLOATS, "seed"):
        if name in config:
            value = config[name]
            values[name] = f"{value:.15g}" if isinstance(value, float) else str(value)
    for name in CHECKBOXES:
        values[name] = "true" if config.get(name) else ""
    for name, value in (config.get("params") or {}).items():
        values[f"param.{name}"] = str(value).lower() if isinstance(value, bool) else str(value)
    return values


def read_values(form: Mapping[str, Any], limits: ConfigLimits) -> tuple[Values, Errors]:
    """What was sent as texts, an uploaded file as the code, and what is wrong with the file."""
    values = default_values(limits) | {
        str(name): value for name, value in form.items() if isinstance(value, str)
    }
    for name in CHECKBOXES:
        values[name] = "true" if form.get(name) else ""
    values["strategy_code"] = values["strategy_code"].replace("\r\n", "\n")
    errors: Errors = {}
    upload = form.get("file")
    if isinstance(upload, UploadFile) and upload.filename:
        content = upload.file.read(MAX_SOURCE_BYTES + 1)
        if not upload.filename.lower().endswith(".py"):
            errors["file"] = [f"{upload.filename} is not a .py file; the code is as it was"]
        elif len(content) > MAX_SOURCE_BYTES:
            errors["file"] = [f"{upload.filename} has more than {MAX_SOURCE_BYTES // 1024} KiB"]
        else:
            try:
                text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
                values["strategy_code"] = text
            except UnicodeDecodeError:
                errors["file"] = [
                    f"{upload.filename} is not UTF-8 text; save it as UTF-8 and choose it again"
                ]
    return values, errors


def document(values: Values, report: CheckReport | None) -> dict[str, Any]:
    """The body of POST /api/backtest that these values mean. Numbers that are none stay texts,
    to be complained about at their field."""
    body: dict[str, Any] = {name: values[name] for name in PLAIN if values.get(name)}
    for name in FLOATS:
        if values.get(name, "") != "":
            body[name] = parameter_fields.number(values[name])
    body["seed"] = parameter_fields.whole(values.get("seed") or "0")
    for name in CHECKBOXES:
        body[name] = values.get(name) == "true"
    if values.get("trading_mode") != "futures":
        for name in FUTURES_ONLY:
            body.pop(name, None)
    body["params"] = parameter_fields.overrides(values, report)
    body["strategy_code"] = values["strategy_code"]
    name = values.get("name", "").strip()
    if not name and report is not None and report.class_name:
        name = report.class_name[: submissions.MAX_NAME]  # a list of runs says what ran
    if name:
        body["name"] = name
    return body


def all_errors(
    body: Mapping[str, Any],
    refused: Invalid,
    report: CheckReport | None,
    limits: ConfigLimits,
    market: MarketStore,
) -> Errors:
    """Every complaint at once, by form field: the judge stops at the first kind."""
    errors: Errors = {k: list(v) for k, v in (refused.details or {}).get("fields", {}).items()}
    own = {"strategy_code", "strategy_id", "strategy_version", "name"}
    rest = {name: value for name, value in body.items() if name not in own}
    for name, messages in config_violations(rest, limits).items():
        errors.setdefault(name, messages)
    asked = {n: rest[n] for n in PLAIN[:5] if n in rest}
    if not errors.keys() & asked.keys():
        try:
            config = BacktestConfig.from_document(asked, limits)
            for name, messages in submissions.missing_history(config, market)[0].items():
                errors.setdefault(name, messages)
        except ValidationError:
            pass  # said above
    if report is not None and report.valid:
        wrong = submissions.parameter_violations(body.get("params", {}), report.parameters)
        if wrong:
            errors["params"] = wrong
    # On the page the field has another name than in the API.
    errors = {n: [m.replace("start_date", "the first day") for m in ms] for n, ms in errors.items()}
    return _at_parameters(errors, report)


def _at_parameters(errors: Errors, report: CheckReport | None) -> Errors:
    """Complaints that begin with a parameter's name, moved to its field."""
    names = {p.name for p in report.parameters} if report else set()
    left = []
    for message in errors.pop("params", []):
        name, _, text = message.partition(": ")
        if name in names:
            errors.setdefault(f"param.{name}", []).append(text)
        else:
            left.append(message)
    if left:
        errors["params"] = left
    return errors
