"""`sandtable run --sets FILE.json`: one strategy with many sets of parameters, in one child."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import orjson

from engine.config import BacktestConfig
from engine.errors import ConfigurationError, DataError, ValidationError
from server.commands.config_flags import print_problems
from server.commands.progress import ProgressBar

if TYPE_CHECKING:
    from engine.history.store import Store as MarketStore
    from sandbox.client import Sandbox
    from sandbox.job import Limits
    from sandbox.sets import SetResult, SetsOutcome

INTERRUPTED = 130
MAX_SETS_BYTES = 16 * 1024 * 1024
_FIGURES = (  # a column each: heading, key of the metrics
    ("return %", "total_return"),
    ("sharpe", "sharpe_ratio"),
    ("drawdown %", "max_drawdown"),
    ("trades", "closed_trades"),
)

Sets = list[dict[str, Any]]


def read_sets(path: str) -> Sets:
    """The list of `params` objects in a JSON file. Raises ConfigurationError, ValidationError."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > MAX_SETS_BYTES:
        most = f"at most {MAX_SETS_BYTES // 2**20} MiB"
        raise ConfigurationError(f"{path} has {len(data) / 2**20:.1f} MiB; {most}")
    try:
        sets = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValidationError(fields={"sets": [f"{path} is not JSON: {error}"]}) from None
    if not isinstance(sets, list) or not all(isinstance(item, dict) for item in sets):
        message = f'{path} must hold a list of objects, such as [{{"fast": 5}}, {{"fast": 10}}]'
        raise ValidationError(fields={"sets": [message]})
    return sets


def wrong_sets(sandbox: Sandbox, sets: Sets, base: Mapping[str, Any], source: str) -> list[str]:
    """What is wrong with the sets' parameters for this strategy, a line for each set."""
    from engine.parameters import misfits

    report = sandbox.check(source)
    if not report.valid:
        return []  # the run says where
    kinds = {item.name: item.type for item in report.parameters}
    wrong = (
        (number, [str(item) for item in misfits({**base, **params}, kinds)])
        for number, params in enumerate(sets)
    )
    return [f"set {number}: {'; '.join(texts)}" for number, texts in wrong if texts]


def run(
    sandbox: Sandbox,
    market: MarketStore,
    source: str,
    config: BacktestConfig,
    sets: Sets,
    limits: Limits,
    name: str,
    interrupted: threading.Event,
    *,
    as_json: bool,
) -> int:
    """Run all sets and print what came of them; the command's exit code."""
    from sandbox.job import Job
    from server.jobs.execution import load, run_error_document

    try:
        bars, funding, _ = load(config, market)
    except DataError as problem:
        print(f"{name}: data_error: {problem}", file=sys.stderr)
        return 1
    job = Job("sets", source, config, bars, funding, limits)
    rows: list[dict[str, Any]] = []
    with ProgressBar(name, sys.stderr) as bar:
        outcome = sandbox.run_sets(
            job,
            sets,
            on_set=lambda result: rows.append(row_of(result)),
            on_progress=lambda now: bar.show(now.sets_done, now.sets),
            cancelled=interrupted.is_set,
        )
        bar.show(outcome.sets_done, len(sets))
    if outcome.error is not None:
        error = run_error_document(outcome.error)
        print_problems(name, error.get("problems", []), sys.stderr)
        if not error.get("problems"):
            print(f"{name}: {error['kind']}: {error['message']}", file=sys.stderr)
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(document_of(outcome, rows)) + b"\n")
        sys.stdout.buffer.flush()
    else:
        print_table(rows, sys.stdout)
    if outcome.status == "cancelled":
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    return 0 if outcome.status == "completed" else 1


def row_of(result: SetResult) -> dict[str, Any]:
    """What is kept of a set: plain JSON."""
    from server.jobs.execution import run_error_document

    return {
        "set": result.number,
        "params": dict(result.params),
        "status": result.status,
        "error": None if result.error is None else run_error_document(result.error),
        "metrics": result.metrics,
        "trades_digest": result.trades_digest,
        "cpu_s": result.cpu_s,
    }


def document_of(outcome: SetsOutcome, rows: list[dict[str, Any]]) -> dict[str, Any]:
    from server.jobs.execution import run_error_document

    return {
        "status": outcome.status,
        "error": None if outcome.error is None else run_error_document(outcome.error),
        "cpu_s": outcome.cpu_s,
        "rechecked": list(outcome.rechecked),
        "sets": rows,
    }


def print_table(rows: list[dict[str, Any]], stream: TextIO) -> None:
    """A line for each set: its number, its figures, its parameters, and how it failed."""
    print(
        "  ".join(["set".rjust(5), *(head.rjust(10) for head, _ in _FIGURES), "params"]),
        file=stream,
    )
    for row in rows:
        metrics = row["metrics"] or {}
        cells = [_cell(metrics.get(key)).rjust(10) for _, key in _FIGURES]
        params = ", ".join(f"{name}={value}" for name, value in row["params"].items())
        error = row["error"]
        failed = f"  {error['kind']}: {error['message']}" if error else ""
        print("  ".join([str(row["set"]).rjust(5), *cells, params + failed]), file=stream)


def _cell(value: float | int | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
