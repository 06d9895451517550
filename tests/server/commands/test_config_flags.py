"""Flags of the shell become the document of a configuration; complaints become lines."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.config import BacktestConfig
from engine.errors import ConfigurationError, ValidationError
from sandbox.job import MAX_SOURCE_BYTES
from server.commands.config_flags import (
    add_config_flags,
    config_document,
    print_fields,
    print_figures,
    print_problems,
    read_strategy,
)

NEEDED = [
    "--symbol", "TINYUSDT", "--timeframe", "1h",
    "--start-date", "2024-01-01", "--end-date", "2024-01-07",
]  # fmt: skip


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_config_flags(parser)
    return parser.parse_args([*NEEDED, *words])


def test_only_what_was_given_is_in_the_document() -> None:
    assert config_document(options()) == {
        "symbol": "TINYUSDT",
        "timeframe": "1h",
        "start_date": "2024-01-01",
        "end_date": "2024-01-07",
    }


def test_every_field_of_a_configuration_has_a_flag() -> None:
    flags = {name for name in vars(options()) if name != "name"}
    assert flags == set(BacktestConfig.__dataclass_fields__)


def test_booleans_can_be_said_and_denied() -> None:
    document = config_document(options("--funding", "--no-strict-orders"))
    assert (document["funding"], document["strict_orders"]) == (True, False)


def test_parameters_are_json() -> None:
    assert config_document(options("--params", '{"fast": 10}'))["params"] == {"fast": 10}


def test_parameters_that_are_not_json_are_a_field_error() -> None:
    with pytest.raises(ValidationError) as caught:
        config_document(options("--params", "fast=10"))
    assert caught.value.fields["params"][0].startswith("is not JSON")


def test_a_strategy_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"\xef\xbb\xbfclass A: ...\n")
    assert read_strategy(str(tmp_path / "a.py")) == "class A: ...\n"


def test_a_dash_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"class A: ...")))
    assert read_strategy("-") == "class A: ..."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x = '\xff'", "is not UTF-8 Python: byte 5 is 0xff"),
        (b"#" * (MAX_SOURCE_BYTES + 1), "at most 256 KiB"),
        (None, "No such file"),
    ],
)
def test_what_cannot_be_a_strategy_is_refused(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "a.py"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        read_strategy(str(path))


def test_wrong_fields_are_told_as_their_flags() -> None:
    stream = io.StringIO()
    print_fields({"fee_rate": ["must be at most 0.1"]}, stream)
    assert stream.getvalue() == "sandtable: --fee-rate: must be at most 0.1\n"


def test_problems_are_told_with_file_line_column_and_hint() -> None:
    stream = io.StringIO()
    problem = {"line": 3, "column": 9, "message": "no", "hint": "write yes"}
    print_problems("a.py", [problem], stream)
    assert stream.getvalue() == "a.py:3:9: no\n    hint: write yes\n"


def test_figures_show_a_dash_for_what_is_undefined() -> None:
    document: dict[str, Any] = {
        "backtest_id": "bt_1",
        "status": "completed",
        "config": {"initial_capital": 1.0},
        "metrics": {
            "fees_paid": 0.00003496,
            "total_return": 12.345,
            "win_rate": None,
            "bars": 8760,
        },
        "data_quality": {"warnings": ["synthetic"]},
        "lookahead": {"passed": False},
    }
    stream = io.StringIO()
    print_figures(document, stream)
    lines = [line.split() for line in stream.getvalue().splitlines()]
    assert ["total", "return", "12.35%"] in lines or ["total", "return", "12.34%"] in lines
    assert ["win", "rate", "-"] in lines
    assert ["bars", "8,760"] in lines
    assert ["fees", "paid", "0.00003496"] in lines
    assert "note: synthetic" in stream.getvalue()
    assert "look-ahead check FAILED" in stream.getvalue()
