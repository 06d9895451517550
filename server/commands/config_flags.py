"""Section 2's fields as command line flags, and problems as lines for a terminal."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from engine.enums import FillRule, LookaheadCheck, Timeframe, TradingMode
from engine.errors import ConfigurationError, ValidationError
from sandbox.job import MAX_SOURCE_BYTES
from server.money import money_decimals

TEXTS = {
    "symbol": "such as BTCUSDT",
    "timeframe": " ".join(Timeframe),
    "start-date": "YYYY-MM-DD, first UTC day",
    "end-date": "YYYY-MM-DD, last UTC day",
    "trading-mode": " or ".join(TradingMode),
    "fill": " or ".join(FillRule) + ": when market orders fill",
    "lookahead-check": ", ".join(LookaheadCheck),
    "name": "what to call the run",
}
NUMBERS = {
    "initial-capital": "10000 unless given",
    "max-leverage": "1 unless given; more in futures only",
    "maintenance-margin-rate": "0.005 unless set",
    "fee-rate": "a fraction of the notional; 0.001 unless given",
    "slippage-bps": "basis points against the trader; 0 unless given",
}
REQUIRED = ("symbol", "timeframe", "start-date", "end-date")


def add_config_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for every field of a backtest's configuration."""
    group = parser.add_argument_group("configuration")
    for name, text in TEXTS.items():
        group.add_argument(f"--{name}", required=name in REQUIRED, help=text, metavar="TEXT")
    for name, text in NUMBERS.items():
        group.add_argument(f"--{name}", type=float, help=text, metavar="NUMBER")
    group.add_argument("--seed", type=int, metavar="N", help="seeds random and numpy.random")
    group.add_argument("--params", metavar="JSON", help="overrides, such as '{\"fast\": 10}'")
    for name, text in (
        ("funding", "pay and receive funding (futures)"),
        ("strict-orders", "a rejected order raises in the strategy"),
    ):
        group.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, help=text)


def config_document(options: argparse.Namespace) -> dict[str, Any]:
    """The configuration that the flags give; what was not given is left to the defaults."""
    names = [*TEXTS, *NUMBERS, "seed", "funding", "strict-orders"]
    fields = {name.replace("-", "_"): getattr(options, name.replace("-", "_")) for name in names}
    document = {name: value for name, value in fields.items() if value is not None}
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
    rows = [
        ("total return", "total_return", "%"),
        ("buy and hold", "buy_and_hold_return", "%"),
        ("cagr", "cagr", "%"),
        ("max drawdown", "max_drawdown", "%"),
        ("sharpe ratio", "sharpe_ratio", ""),
        ("sortino ratio", "sortino_ratio", ""),
        ("trades", "closed_trades", ""),
        ("win rate", "win_rate", "%"),
        ("profit factor", "profit_factor", ""),
        ("liquidations", "liquidations", ""),
        ("rejected orders", "rejected_orders", ""),
        ("fees paid", "fees_paid", ""),
        ("bars", "bars", ""),
    ]
    print(f"{document['backtest_id']}  {document['status']}", file=stream)
    capital = float(document["config"]["initial_capital"])
    for label, key, unit in rows:
        if key in metrics:
            value = metrics[key]
            decimals = money_decimals(value or 0.0, capital) if key == "fees_paid" else 2
            print(f"{label:>16}  {_figure(value, unit, decimals)}", file=stream)
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
