"""The fields of a configuration as command line flags, and problems as lines for a terminal."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from engine.analysis.metric_table import METRICS
from engine.config import FIELDS
from engine.config_fields import Field
from engine.errors import ConfigurationError, ValidationError
from sandbox.job import MAX_SOURCE_BYTES
from server.money import money_decimals

SHOWN_METRICS = (
    "total_return",
    "buy_and_hold_return",
    "cagr",
    "max_drawdown",
    "sharpe_ratio",
    "sortino_ratio",
    "closed_trades",
    "win_rate",
    "profit_factor",
    "liquidations",
    "rejected_orders",
    "fees_paid",
    "bars",
)
METAVARS = {"date": "DAY", "number": "NUMBER", "whole": "N", "params": "JSON"}
PARSERS = {"number": float, "whole": int}


def add_config_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for every field of a backtest's configuration, and one for its name."""
    group = parser.add_argument_group("configuration")
    for name, field in FIELDS.items():
        options: dict[str, Any] = {"required": field.required, "help": flag_help(field)}
        if field.kind == "flag":
            options["action"] = argparse.BooleanOptionalAction
        else:
            options["metavar"] = METAVARS.get(field.kind, "TEXT")
            options["type"] = PARSERS.get(field.kind)
        group.add_argument(f"--{name.replace('_', '-')}", **options)
    group.add_argument("--name", help="what to call the run", metavar="TEXT")


def flag_help(field: Field) -> str:
    """What the field means, what it may be, and what it is unless it is given."""
    parts = [field.help]
    if field.options:
        parts.append(f"One of {', '.join(field.options)}.")
    if field.kind == "date":
        parts.append("YYYY-MM-DD, UTC.")
    if field.kind == "params":
        parts.append("Such as '{\"fast\": 10}'.")
    elif not field.required and not field.follows and field.kind != "flag":
        default = f"{field.default:.15g}" if field.kind == "number" else field.default
        parts.append(f"{default} unless given.")
    return " ".join(parts).replace("%", "%%")


def config_document(options: argparse.Namespace) -> dict[str, Any]:
    """The configuration that the flags give; what was not given is left to the defaults."""
    given = {name: getattr(options, name) for name in (*FIELDS, "name")}
    document = {name: value for name, value in given.items() if value is not None}
    if options.params is not None:
        try:
            document["params"] = json.loads(options.params)
        except ValueError as error:
            raise ValidationError(fields={"params": [f"is not JSON: {error}"]}) from None
    return document


def read_strategy(name: str) -> str:
    """The code in a file, or on standard input for "-". Raises ConfigurationError."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read {name}: {error.strerror}") from error
    if len(data) > MAX_SOURCE_BYTES:
        raise ConfigurationError(
            f"{name} has {len(data) / 1024:.0f} KiB; at most {MAX_SOURCE_BYTES // 1024} KiB"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{name} is not UTF-8 Python: byte {error.start} is {data[error.start]:#04x}"
        ) from None


def print_fields(fields: Mapping[str, list[str]], stream: TextIO) -> None:
    """Wrong fields as the flags they came from."""
    for name, messages in fields.items():
        for message in messages:
            print(f"sandtable: --{name.replace('_', '-')}: {message}", file=stream)


def print_problems(
    name: str, problems: list[Mapping[str, Any]] | tuple[Mapping[str, Any], ...], stream: TextIO
) -> None:
    """Complaints about code as `file:line:column: message`, with hints below them."""
    for item in problems:
        print(f"{name}:{item['line']}:{item['column']}: {item['message']}", file=stream)
        if item.get("hint"):
            print(f"    hint: {item['hint']}", file=stream)


def print_figures(document: Mapping[str, Any], stream: TextIO) -> None:
    """The key figures of a result."""
    metrics = document["metrics"] or {}
    print(f"{document['backtest_id']}  {document['status']}", file=stream)
    capital = float(document["config"]["initial_capital"])
    for name in SHOWN_METRICS:
        if name in metrics:
            label, unit = METRICS[name].label.lower(), METRICS[name].unit
            value = metrics[name]
            decimals = money_decimals(value or 0.0, capital) if unit == "money" else 2
            text = _figure(value, "%" if unit == "percent" else "", decimals)
            print(f"{label:>16}  {text}", file=stream)
    honesty = document.get("honesty") or {}
    if honesty.get("sentence"):
        print(honesty["sentence"], file=stream)
    quality = document.get("data_quality") or {}
    for warning in quality.get("warnings", []):
        print(f"note: {warning}", file=stream)
    for warning in document.get("warnings") or ():
        print(f"note: {warning['text']}", file=stream)
    lookahead = document["lookahead"]
    if lookahead["passed"] is False:
        print("note: the look-ahead check FAILED: the run used bars of its future", file=stream)
    elif lookahead["passed"] is None and lookahead.get("note"):
        print(f"note: the look-ahead check decided nothing: {lookahead['note']}", file=stream)


def _figure(value: Any, unit: str, decimals: int) -> str:
    if value is None:
        return "-"
    return (f"{value:,}" if isinstance(value, int) else f"{value:,.{decimals}f}") + unit
