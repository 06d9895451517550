"""What a child does once its room is locked: check code, run a strategy; see also `fed_tasks`."""

from __future__ import annotations

import gc
import math
import os
import re
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from types import FrameType
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.account.order_entry import OrderLimit, OrderTorn
from engine.bars import Bars, Funding
from engine.config import (
    MAX_ACCOUNT_NUMBER,
    MAX_INDICATOR_LINES,
    MAX_INDICATOR_VALUES,
    BacktestConfig,
)
from engine.errors import CalculationError
from engine.run.backtest import MAX_PLOT_NAME, Run
from engine.run.causality import LookaheadIndicator
from sandbox.child import probes, warmup
from sandbox.child.lockdown import RESULT_FD, STDOUT_FD, Inside
from sandbox.crossing import differences, wire
from sandbox.crossing.sealed import make_bars, parse_job
from sandbox.job import Parameter
from sandbox.language import compiler
from sandbox.runtime import clock, loader
from sandbox.runtime.log_lines import LogLines
from sandbox.runtime.stops import Stopped, Stops

_LOG_CHUNK_BYTES = 32 * 1024
# Of one text: the times of its lines are put in and sent in pieces, or many short lines would need
# as much memory again as they and their times have together.
_LOG_PIECE_CHARACTERS = 16 * 1024
# Sending what was ordered so far may take this share of the time, and not more often than that.
_FLUSH_SHARE = 0.05
_FLUSH_EVERY_S = 0.5
_BEAT_AFTER_S = 0.9  # of silence, and a look at the strategy says where it is
_MAX_PROBLEMS = 100
_MAX_PARAMETERS = 1000
_MAX_TEXT = 2000
# How Python and numpy show an object that has no words of its own: differs from run to run.
_ADDRESS = re.compile(r"(?<= at 0x)[0-9a-fA-F]+|(?<= with id=)[0-9]+")


class Channel:
    """The two pipes out of the room. Also the `sink` of a run."""

    def __init__(self, stops: Stops) -> None:
        self._stops = stops
        self._log: list[bytes] = []
        self._log_bytes = 0
        self._lines = LogLines()
        self._orders_sent = 0
        self._next_flush_s = time.monotonic() + _FLUSH_EVERY_S
        self._next_beat_s = 0.0
        self.run: Run | None = None
        self.filename = ""  # of the strategy, once it is compiled

    def send(self, *frames: bytes) -> None:
        with self._stops:
            for frame in frames:
                write_all(RESULT_FD, frame)

    def write(self, text: str) -> None:
        run = self.run
        moment_ms = run.now_ms if run is not None and run.started else None
        text = without_addresses(text)
        for start in range(0, len(text), _LOG_PIECE_CHARACTERS):
            piece = text[start : start + _LOG_PIECE_CHARACTERS]
            data = self._lines.timed(piece, moment_ms).encode("utf-8", "backslashreplace")
            self._log.append(data)
            self._log_bytes += len(data)
            if self._log_bytes >= _LOG_CHUNK_BYTES:
                self.flush_log()

    def flush_log(self) -> None:
        data, self._log, self._log_bytes = b"".join(self._log), [], 0
        write_all(STDOUT_FD, data)

    def beat(self, frame: FrameType | None) -> None:
        """Tell the bar and the line that the strategy is at, in the middle of a chunk or a bar.

        Bars before it are over, and so are their orders; equity is that of the bar's moment.
        """
        run = self._run_of()
        if time.monotonic() < self._next_beat_s:
            return  # the chunks are quick enough to tell
        self._tell(max(0, run.broker.i), run.broker.value(), self._line_of(frame))

    def progress(self, bars_done: int, equity: float) -> None:
        self._tell(bars_done, equity, 0)
        self.flush_log()

    def _line_of(self, frame: FrameType | None) -> int:
        """The innermost line of the strategy's own code, 0 when none of it runs."""
        while frame is not None:
            if self.filename and frame.f_code.co_filename == self.filename:
                return min(frame.f_lineno or 0, wire.MAX_LINE)
            frame = frame.f_back
        return 0

    def _tell(self, bars_done: int, equity: float, line: int) -> None:
        equity = equity if math.isfinite(equity) else 0.0
        packed = wire.PROGRESS.pack(bars_done, equity, line)
        self.send(wire.encode(wire.Frame.PROGRESS, packed))
        began = time.monotonic()
        self._next_beat_s = began + _BEAT_AFTER_S
        if began >= self._next_flush_s:
            self._flush_orders(bars_done)
            took = time.monotonic() - began
            self._next_flush_s = began + max(_FLUSH_EVERY_S, took / _FLUSH_SHARE)

    def finish(self, *, torn: bool = False, indicators: bool = False) -> None:
        """Everything that was recorded, and the final frame; what is only drawn when asked for.

        A run is torn when it was stopped in the middle of anything, maybe of a fill: then the
        bar that it was in does not count, and no fills are claimed.
        """
        run = self._run_of()
        self.flush_log()
        self._send_orders(before_bar=run.bars_done if torn else None)
        points = 0
        for name, (times, values) in run.plots().items():
            points += len(times)
            for frame in wire.encode_plot(str(name), times, values):
                self.send(frame)
        left_out = self._send_indicators(run) if indicators and not torn else []
        if left_out or run.dropped_points:
            answer = {
                "count": min(len(left_out), wire.MAX_LEFT_OUT),
                "first": left_out[: wire.MAX_LEFT_OUT_NAMES],
                "points": min(run.dropped_points, wire.MAX_DROPPED_POINTS),
            }
            self.send(wire.encode_json(wire.Frame.LEFT_OUT, answer))
        if run.indicator_wait_bars is not None:
            waited = min(run.indicator_wait_bars, run.bars_done)  # a torn bar is not done
            self.send(wire.encode(wire.Frame.WAITED, wire.WAITED.pack(waited)))
        final = wire.FINAL.pack(run.bars_done, self._orders_sent, points)
        digest = b"" if torn else run.fills_digest()
        self.send(wire.encode(wire.Frame.FINAL, final + digest))

    def finish_without_run(self) -> None:
        self.flush_log()
        self.send(wire.encode(wire.Frame.FINAL, wire.FINAL.pack(0, 0, 0)))

    def _send_indicators(self, run: Run) -> list[str]:
        """Send the lines; the names of those beyond the limits."""
        lines, left_out = indicator_lines(run)
        for name, values in lines.items():
            for frame in wire.encode_indicator(name, values):
                self.send(frame)
        return left_out

    def _run_of(self) -> Run:
        if self.run is None:
            raise RuntimeError("there is no run yet")
        return self.run

    def _flush_orders(self, bars_done: int) -> None:
        """So that a run that is killed keeps what it had done: the orders of whole bars."""
        self._send_orders(before_bar=bars_done)
        checkpoint = wire.CHECKPOINT.pack(bars_done, self._orders_sent)
        self.send(wire.encode(wire.Frame.CHECKPOINT, checkpoint))

    def _send_orders(self, before_bar: int | None = None) -> None:
        run = self._run_of()
        while True:
            rows = run.orders(self._orders_sent, self._orders_sent + wire.ORDERS_PER_FRAME)
            if before_bar is not None:
                rows = rows[rows["bar"] < before_bar]
            if not len(rows):
                return
            with self._stops:
                for frame in wire.encode_orders(rows):
                    write_all(RESULT_FD, frame)
                self._orders_sent += len(rows)


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
    if inside.bars is None:
        raise ValueError("a run without bars")
    bars = make_bars(
        document["symbol"],
        document["config"]["timeframe"],
        inside.bars.timestamp,
        inside.bars.columns,
    )
    _run(inside, document, bars, funding)


def _run(
    inside: Inside,
    document: dict[str, Any],
    bars: Bars,
    funding: Funding,
) -> None:
    gc.enable()
    source = document["source"]
    channel = Channel(inside.stops)
    inside.stops.on_beat = channel.beat
    config = BacktestConfig.from_document(document["config"])
    run = channel.run = Run(config, bars, funding, sink=channel)
    own_process()
    filename, torn = "", False
    answer: dict[str, Any] | None = None
    try:
        compiled = compiler.compile_strategy(source)
        filename = channel.filename = compiled.code.co_filename
        strategy = loader.load(
            compiled, seed=config.seed, now_ms=lambda: run.now_ms, write=channel.write
        )
        run.execute(strategy)
        inside.stops.quiet()
    except BaseException as error:
        inside.stops.quiet()
        torn = isinstance(error, Stopped | MemoryError | OrderTorn)
        # The report needs memory: what was set aside, and what the strategy's frames hold.
        inside.ballast.close()
        answer = describe(error, source, filename)
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


def own_process() -> None:
    """Make the process fit for a strategy of its own."""
    clock.own_process()
    # Errors that nobody can catch would be printed with our own files and lines, and addresses.
    # `tuple` takes them in silence, also at the end of the stack, where no function can be called.
    sys.unraisablehook = tuple  # type: ignore[assignment]


def indicator_lines(run: Run) -> tuple[dict[str, npt.NDArray[np.float64]], list[str]]:
    """The lines to be drawn, one value for each bar done, and the names of those left out.

    The parts of a tuple are named as the strategy reaches them: `bands[0]`, `bands[1]`.
    """
    lines: dict[str, npt.NDArray[np.float64]] = {}
    left_out: list[str] = []
    room = MAX_INDICATOR_VALUES
    for name, arrays in run.indicators().items():
        short = name if len(name) <= MAX_PLOT_NAME else name[: MAX_PLOT_NAME - 1] + "…"
        for part, array in enumerate(arrays):
            label = short if len(arrays) == 1 else f"{short}[{part}]"
            values = array[: run.bars_done]
            if len(lines) >= MAX_INDICATOR_LINES or len(values) > room or label in lines:
                left_out.append(label)
            elif len(values):
                lines[label] = values
                room -= len(values)
    return lines, left_out


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


def without_addresses(text: str) -> str:
    """`text` with dots for every address in memory: the same run leaves the same files."""
    shown = " at 0x" in text or " with id=" in text  # the latter is pprint's, of a list in itself
    return _ADDRESS.sub("...", text) if shown else text


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


def write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


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
