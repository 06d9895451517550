"""The New backtest form: what was typed, as the document that the API takes, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from litestar.datastructures import UploadFile

from engine.config import FIELDS, ConfigLimits
from engine.errors import Complaint
from sandbox.job import MAX_SOURCE_BYTES, CheckReport
from server.backtests.submissions import MAX_NAME
from server.pages.backtests import parameter_fields

Values = dict[str, str]
Errors = dict[str, list[str]]
OWN_FIELDS = ("name", "strategy_code", "origin_strategy", "strategy_name", "message")
ADVANCED = (
    "maker_fee_rate",
    "slippage_bps",
    "fill",
    "lookahead_check",
    "close_at_end",
    "strict_orders",
    "seed",
)
CHECKBOXES = tuple(name for name, field in FIELDS.items() if field.kind == "flag")


def default_values(limits: ConfigLimits) -> Values:
    """The form before anybody touched it, but for market and code."""
    own = dict.fromkeys(
        ("name", "strategy_code", "origin_strategy", "strategy_name", "message"), ""
    )
    return own | {
        name: _text(field.default)
        for name, field in limits.fields.items()
        if not field.required and field.kind != "params"
    }


def values_of_config(config: Mapping[str, Any], limits: ConfigLimits) -> Values:
    """The form as it has to be filled to run `config` again."""
    values = default_values(limits)
    values |= {n: _text(config[n]) for n in FIELDS if n in config and n != "params"}
    for name, field in FIELDS.items():
        if field.follows and config.get(name) == config.get(field.follows):
            values[name] = ""  # so that it goes on following
    for name, value in (config.get("params") or {}).items():
        values[f"param.{name}"] = str(value).lower() if isinstance(value, bool) else str(value)
    return values


def _text(value: Any) -> str:
    """A value as a field of the form holds it; a box that is not ticked sends nothing."""
    if isinstance(value, bool):
        return "true" if value else ""
    if value is None:
        return ""
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def read_values(form: Mapping[str, Any], limits: ConfigLimits) -> tuple[Values, list[Complaint]]:
    """What was sent as texts, an uploaded file as the code, and what is wrong with the file."""
    values = default_values(limits) | {
        str(name): value for name, value in form.items() if isinstance(value, str)
    }
    for name in CHECKBOXES:
        values[name] = "true" if form.get(name) else ""
    values["strategy_code"] = values["strategy_code"].replace("\r\n", "\n")
    upload = form.get("file")
    if not isinstance(upload, UploadFile) or not upload.filename:
        return values, []
    content = upload.file.read(MAX_SOURCE_BYTES + 1)
    if not upload.filename.lower().endswith(".py"):
        message = f"{upload.filename} is not a .py file; the code is as it was"
    elif len(content) > MAX_SOURCE_BYTES:
        message = f"{upload.filename} has more than {MAX_SOURCE_BYTES // 1024} KiB"
    else:
        try:
            text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
            return values | {"strategy_code": text}, []
        except UnicodeDecodeError:
            message = f"{upload.filename} is not UTF-8 text; save it as UTF-8 and choose it again"
    return values, [Complaint("file", message)]


def document(values: Values, report: CheckReport | None) -> dict[str, Any]:
    """The body of POST /api/backtest that these values mean. Numbers that are none stay texts,
    to be complained about at their field."""
    futures = values.get("trading_mode") == "futures"
    body: dict[str, Any] = {}
    for name, field in FIELDS.items():
        text = values.get(name, "")
        if field.futures_only and not futures:
            continue
        if field.kind == "flag":
            body[name] = text == "true"
        elif text != "":
            body[name] = _READ[field.kind](text) if field.kind in _READ else text
    body["params"] = parameter_fields.overrides(values, report)
    body["strategy_code"] = values["strategy_code"]
    name = values.get("name", "").strip()
    if not name and report is not None and report.class_name:
        name = report.class_name[:MAX_NAME]  # a list of runs says what ran
    if name:
        body["name"] = name
    return body


_READ = {"number": parameter_fields.number, "whole": parameter_fields.whole}


def errors_of(complaints: Iterable[Complaint]) -> Errors:
    """The messages by field of the form, which has one for each parameter of the strategy."""
    errors: Errors = {}
    for item in complaints:
        key = parameter_fields.PREFIX + item.parameter if item.parameter else item.field
        message = item.message
        if item.other:
            message = message.replace("{other}", f"“{FIELDS[item.other].label}”")
        errors.setdefault(key, []).append(message)
    return errors
