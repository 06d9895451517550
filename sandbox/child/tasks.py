"""What a child does once its room is locked: check code, run a strategy; see also `fed_tasks`."""

from __future__ import annotations

import gc
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from engine.account.order_entry import OrderTorn
from engine.account.order_log import OrderLimit
from engine.bars import Bars
from engine.config import (
    MAX_ACCOUNT_NUMBER,
    BacktestConfig,
)
from engine.errors import CalculationError
from engine.run.backtest import Run
from engine.run.causality import LookaheadIndicator
from sandbox.child import probes, warmup
from sandbox.child.channel import Channel, without_addresses
from sandbox.child.lockdown import Inside
from sandbox.child.strategy_code import Code
from sandbox.crossing import differences, wire
from sandbox.crossing.sealed import make_bars, parse_job
from sandbox.job import Parameter
from sandbox.language import compiler
from sandbox.runtime import clock
from sandbox.runtime.stops import Stopped

_MAX_PROBLEMS = 100
_MAX_PARAMETERS = 1000
_MAX_TEXT = 2000


def check(inside: Inside) -> None:
    """Answer whether the source would compile; nothing of it is run."""

    def answer(document: dict[str, Any]) -> dict[str, Any]:
        report = compiler.check(document["source"])
        return {
            "problems": _plain_problems(report.problems),
            "parameters": _plain_parameters(report.parameters),
            "class_name": report.class_name,
            "remarks": _plain_problems(report.remarks),
        }

    _report(inside, answer)


def diff(inside: Inside) -> None:
    """Answer which lines of two texts differ; nothing of them is run."""

    def answer(document: dict[str, Any]) -> dict[str, Any]:
        before, after = document["before"].splitlines(), document["after"].splitlines()
        try:
            return {"groups": differences.groups_of(before, after)}
        except ValueError:
            return {"groups": None}

    _report(inside, answer)


def _report(inside: Inside, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Send what `answer` makes of the job's document, or the limit that it came to."""
    document, _ = parse_job(inside.job)
    channel = Channel(inside.stops)
    try:
        made = answer(document)
    except BaseException as error:
        kind = error.kind if isinstance(error, Stopped) else "memory_limit"
        if not isinstance(error, Stopped | MemoryError | RecursionError):
            raise
        inside.ballast.close()
        channel.send(wire.encode_json(wire.Frame.ERROR, {"kind": kind}))
    else:
        channel.send(fitting(wire.Frame.REPORT, made))
    channel.finish_without_run()


def run(inside: Inside) -> None:
    """Run the strategy over the bars."""
    document, funding = parse_job(inside.job)
    bars = bars_of(inside, document)
    channel = Channel(inside.stops)
    config = BacktestConfig.from_document(document["config"])
    own_process()
    run_through(inside, Code(document["source"]), Run(config, bars, funding, sink=channel), channel)


def bars_of(inside: Inside, document: dict[str, Any]) -> Bars:
    if inside.bars is None:
        raise ValueError("a run without bars")
    timeframe = document["config"]["timeframe"]
    return make_bars(document["symbol"], timeframe, inside.bars.timestamp, inside.bars.columns)


def run_through(inside: Inside, code: Code, run: Run, channel: Channel) -> bool:
    """Run the strategy and tell how it went; False when no other run should follow in here.

    To be called from a task: how deep the stack is then is what a strategy's recursion has left.
    """
    channel.run = run
    inside.stops.on_beat = channel.beat
    torn = False
    answer: dict[str, Any] | None = None
    try:
        code.compile()
        channel.filename = code.filename
        run.execute(code.load(run, channel.write))
        inside.stops.quiet()
    except BaseException as error:
        inside.stops.quiet()
        torn = isinstance(error, Stopped | MemoryError | OrderTorn)
        # The report needs memory: what was set aside, and what the strategy's frames hold.
        inside.ballast.close()
        answer = describe(error, code.source, code.filename)
        traceback.clear_frames(error.__traceback__)
        error.__traceback__ = None
        gc.collect()
        channel.send(fitting(wire.Frame.ERROR, answer))
    inside.ballast.close()  # a strategy that ate all memory to the last byte can report too
    try:
        channel.finish(torn=torn, indicators=True)
    except MemoryError:
        # What was recorded needs memory too; the supervisor falls back to the last checkpoint.
        if answer is None:
            channel.send(wire.encode_json(wire.Frame.ERROR, {"kind": "memory_limit"}))
        raise
    return not torn


def own_process() -> None:
    """Make the process fit for a strategy of its own."""
    gc.enable()
    clock.own_process()
    # Errors that nobody can catch would be printed with our own files and lines, and addresses.
    # `tuple` takes them in silence, also at the end of the stack, where no function can be called.
    sys.unraisablehook = tuple  # type: ignore[assignment]


def describe(error: BaseException, source: str, filename: str) -> dict[str, Any]:
    """Kind, message and place of what ended the run, as plain JSON."""
    place, line = _place(error, filename)
    answer: dict[str, Any] = {"place": place, "line": line, "message": ""}
    match error:
        case Stopped():
            return answer | {"kind": error.kind}
        case MemoryError() | OrderTorn():
            return answer | {"kind": "memory_limit"}
        case compiler.RejectedCode():
            problems = _plain_problems(error.problems)
            return answer | {"kind": "rejected_code", "problems": problems}
        case OrderLimit():
            kind = "order_limit"
        case LookaheadIndicator():
            kind = "lookahead_indicator"
        case CalculationError():
            kind = "calculation_error"
        case _:
            kind = "strategy_error"
    try:
        message, described_line = compiler.describe_error(error, source)
        if kind != "strategy_error":
            message = str(error)  # our own words; the name of the class adds nothing
    except Exception:  # it is the strategy's own class that says how it reads
        message, described_line = type(error).__name__, None
    exception = type(error).__name__
    return answer | {
        "kind": kind,
        "message": without_addresses(str(message)[:_MAX_TEXT]),
        "line": described_line if described_line is not None else line,
        "exception": exception[:200],
    }


def _place(error: BaseException, filename: str) -> tuple[str | None, int | None]:
    """Function and line of the innermost frame in the user's own code."""
    place, line = None, None
    for frame, number in traceback.walk_tb(error.__traceback__):
        if filename and frame.f_code.co_filename == filename:
            place, line = frame.f_code.co_name, number
    return place, line


def _plain_problems(problems: tuple[Any, ...]) -> list[dict[str, Any]]:
    plain = []
    for problem in problems[:_MAX_PROBLEMS]:
        document = asdict(problem)
        for name, value in document.items():
            if isinstance(value, str):
                document[name] = value[:400]
        plain.append(document)
    return plain


def _plain_parameters(parameters: tuple[Parameter, ...]) -> list[dict[str, Any]]:
    """Those that can be shown and overridden: a number that JSON's readers take, a short text."""
    plain = []
    for parameter in parameters[:_MAX_PARAMETERS]:
        value = parameter.default
        if isinstance(value, int) and abs(value) > MAX_ACCOUNT_NUMBER:
            continue
        if isinstance(value, str) and len(value) > _MAX_TEXT:
            continue
        plain.append(asdict(parameter))
    return plain


def fitting(kind: wire.Frame, document: dict[str, Any]) -> bytes:
    """The frame, with fewer problems and parameters when all would be over its cap."""
    while True:
        try:
            return wire.encode_json(kind, document)
        except wire.WireError:
            longest = max(
                (name for name in document if isinstance(document[name], list)),
                key=lambda name: len(document[name]),
            )
            document[longest] = document[longest][: len(document[longest]) // 2]


TASKS: dict[str, Callable[[Inside], None]] = {
    "check": check,
    "diff": diff,
    "run": run,
    "probe": probes.probe,
}


def warm() -> None:
    """Import and exercise what a strategy may use: a child has no file to import from."""
    warmup.everything()
    np.random.seed(0)
