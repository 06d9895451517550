"""`sandtable run`: one backtest from the shell, in the same sandbox, without a server."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from engine.config import BacktestConfig, read_config
from engine.errors import Complaint, ConfigurationError, ValidationError, by_field
from engine.parameters import misfits
from server.commands.config_flags import (
    add_config_flags,
    config_document,
    print_fields,
    print_figures,
    print_problems,
    read_strategy,
)
from server.commands.progress import ProgressBar
from server.settings import Settings, load_settings

if TYPE_CHECKING:
    from engine.history.store import Store as MarketStore
    from sandbox.client import Sandbox
    from server.jobs.execution import Execution, RunRequest

USAGE_ERROR = 2
MAX_NAME = 120
INTERRUPTED = 130


def add_parsers(commands: Any) -> None:
    """Add `run` to the `sandtable` parser."""
    run = commands.add_parser("run", help="one backtest from the shell, in the sandbox")
    run.add_argument("file", metavar="FILE.py", help="the strategy; - reads standard input")
    add_config_flags(run)
    run.add_argument("--json", action="store_true", help="print the result as the API would")
    run.add_argument("--out", metavar="DIR", help="put the result's files straight into DIR")
    run.add_argument(
        "--sets",
        metavar="FILE.json",
        help="a list of params objects: run each, in one child, and print a table (or --json)",
    )
    run.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    settings = load_settings()
    source = read_strategy(options.file)
    name = "<stdin>" if options.file == "-" else options.file
    try:
        config, label = _configuration(options, settings, source)
    except ValidationError as error:
        print_fields(error.fields, sys.stderr)
        return USAGE_ERROR
    if options.sets:
        return _run_sets(options, settings, source, config, name)
    if options.out:
        _make_directory(Path(options.out))
    request = _request(source, config, settings, label)
    with _interruptible() as interrupted:
        execution = _execute(request, settings, name, interrupted)
    if isinstance(execution, int):
        return execution
    if options.out:
        from server.storage.artifacts import NAMES, write_files

        write_files(Path(options.out), execution.files)
        for stale in set(NAMES) - set(execution.files):  # of an earlier run into this folder
            (Path(options.out) / stale).unlink(missing_ok=True)
    _tell(execution, request, name, as_json=options.json)
    if execution.status == "cancelled":
        return INTERRUPTED
    return 0 if execution.status == "completed" else 1


def _run_sets(
    options: argparse.Namespace, settings: Settings, source: str, config: BacktestConfig, name: str
) -> int:
    """Many parameter sets: no files, no look-ahead check."""
    from sandbox.client import Sandbox
    from server.commands import run_sets

    if options.out:
        raise ConfigurationError("--out goes with one run; --sets prints its results")
    with _interruptible() as interrupted, Sandbox(level=settings.sandbox_level) as sandbox:
        if sandbox.refusal:
            raise ConfigurationError(f"{sandbox.refusal}; see sandtable doctor")
        _missing_locks(sandbox)
        try:
            sets = run_sets.read_sets(options.sets)
            wrong = run_sets.wrong_sets(sandbox, sets, config.params, source)
            if wrong:
                raise ValidationError(fields={"sets": wrong})
            return run_sets.run(
                sandbox,
                _market(settings),
                source,
                config,
                sets,
                settings.run_limits,
                name,
                interrupted,
                as_json=options.json,
            )
        except ValidationError as error:
            print_fields(error.fields, sys.stderr)
            return USAGE_ERROR


def _configuration(
    options: argparse.Namespace, settings: Settings, source: str
) -> tuple[BacktestConfig, str]:
    """The configuration and its name. Raises ValidationError with every field's messages."""
    document = config_document(options)
    label = document.pop("name", "")
    config, wrong = read_config(document, settings.config_limits)
    if len(label) > MAX_NAME:
        wrong.append(Complaint("name", f"at most {MAX_NAME} characters"))
    if wrong and document.get("params") and "params" not in by_field(wrong):
        from sandbox.client import Sandbox

        with Sandbox(level=settings.sandbox_level) as sandbox:
            wrong += _wrong_parameters(sandbox, document["params"], source)
    if config is not None and not wrong:
        wrong += _missing_history(config, settings)
    if config is None or wrong:
        raise ValidationError(fields=by_field(wrong))
    return config, label


def _missing_history(config: BacktestConfig, settings: Settings) -> list[Complaint]:
    """What asks for history that is not there; files that are broken fail the run."""
    from server.backtests.submissions import missing_history

    missing, broken = missing_history(config, _market(settings))
    return [] if broken or missing is None else [missing]


def _market(settings: Settings) -> MarketStore:
    """The history, whose caches stay within the service's bound and are told to it when they go."""
    from engine.history.store import Store as MarketStore
    from server.services import cache_space, series_cache
    from server.storage.artifacts import Artifacts
    from server.storage.db import Store

    space = cache_space(settings)
    if settings.database.is_file():
        artifacts = Artifacts(settings.results_directory)
        series_cache(space, Store(settings.database), artifacts)
    return MarketStore(settings.data_directory, settings.cache_directory, space=space)


def _request(source: str, config: BacktestConfig, settings: Settings, label: str) -> RunRequest:
    from server.jobs.execution import RunRequest
    from server.storage.artifacts import new_backtest_id
    from server.storage.db import now_ms

    extra = {"strategy_id": None, "strategy_version": None, "name": label}
    return RunRequest(new_backtest_id(), source, config, settings.run_limits, now_ms(), extra=extra)


def _execute(
    request: RunRequest, settings: Settings, name: str, interrupted: threading.Event
) -> Execution | int:
    """The execution; or an exit code when the code or the parameters rule it out."""
    from sandbox.client import Sandbox
    from server.jobs.execution import execute

    with Sandbox(level=settings.sandbox_level) as sandbox:
        if sandbox.refusal:
            raise ConfigurationError(f"{sandbox.refusal}; see sandtable doctor")
        request = replace(request, missing_locks=_missing_locks(sandbox))
        wrong = _wrong_parameters(sandbox, request.config.params, request.source)
        if wrong:
            print_fields(by_field(wrong), sys.stderr)
            return USAGE_ERROR
        with ProgressBar(name, sys.stderr) as bar:
            execution = execute(
                request,
                sandbox,
                _market(settings),
                on_progress=lambda now: bar.show_bars(now.bars_done, now.bars),
                cancelled=interrupted.is_set,
            )
            if execution.bars:
                bar.show(execution.bars_done, execution.bars)
            return execution


def _wrong_parameters(sandbox: Sandbox, params: Mapping[str, Any], source: str) -> list[Complaint]:
    if not params or sandbox.refusal:
        return []
    report = sandbox.check(source)
    # Code that does not compile fails in the run, which says where.
    kinds = {item.name: item.type for item in report.parameters}
    return list(misfits(params, kinds)) if report.valid else []


def _missing_locks(sandbox: Sandbox) -> tuple[str, ...]:
    from server.jobs.sandbox_notice import missing_locks, sentence

    room = {"state": "ready", "reason": None, "layers": sandbox.layers}
    if sentence(room):
        print(f"note: {sentence(room)}", file=sys.stderr)
    return tuple(missing_locks(room))


def _tell(execution: Execution, request: RunRequest, name: str, *, as_json: bool) -> None:
    error = execution.error
    if error is not None:
        print_problems(name, error.get("problems", []), sys.stderr)
        place = f"{name}:{error['line']}" if error["line"] else name
        if not error.get("problems"):
            print(f"{place}: {error['kind']}: {error['message']}", file=sys.stderr)
    document = _document(execution, request)
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(document) + b"\n")
        sys.stdout.buffer.flush()
    elif execution.status == "cancelled":
        print("interrupted", file=sys.stderr)
    else:
        print_figures(document, sys.stdout)


def _document(execution: Execution, request: RunRequest) -> dict[str, Any]:
    """The object of GET /api/backtest/{id}."""
    from server.backtests.backtest import progress_of
    from server.backtests.document import RunFacts, result_document
    from server.backtests.honest_results import honesty_alone
    from server.charts.run_tables import RunSeries

    results = execution.results
    facts = RunFacts(
        request.backtest_id,
        execution.status,
        progress_of(execution.status, execution.bars_done, execution.bars),
        {"strategy_code": request.source, **request.extra, **request.config.to_document()},
        execution.error,
        execution.summary,
    )
    series = None if results is None else RunSeries(results.tables(), results.plots)
    honesty = honesty_alone(facts.summary, facts.status, facts.config, execution.finished_at_ms)
    return result_document(facts, series, honesty=honesty)


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"cannot write to {path}: {error.strerror}") from error


@contextmanager
def _interruptible() -> Any:
    """Ctrl-C and SIGTERM ask the run to end; what it did until then is kept."""
    asked = threading.Event()

    def ask(*_: object) -> None:
        asked.set()

    before: list[tuple[int, Callable[..., Any] | int | None]] = [
        (number, signal.signal(number, ask)) for number in (signal.SIGINT, signal.SIGTERM)
    ]
    try:
        yield asked
    finally:
        for number, handler in before:
            signal.signal(number, handler)
