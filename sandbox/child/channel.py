"""The two pipes out of the room, and what a run tells on them."""

from __future__ import annotations

import math
import os
import re
import time
from types import FrameType

import numpy as np
import numpy.typing as npt

from engine.config import MAX_INDICATOR_LINES, MAX_INDICATOR_VALUES
from engine.run.backtest import MAX_PLOT_NAME, Run
from sandbox.child.lockdown import RESULT_FD, STDOUT_FD
from sandbox.crossing import wire
from sandbox.runtime.log_lines import LogLines
from sandbox.runtime.stops import Stops

_LOG_CHUNK_BYTES = 32 * 1024
# Of one text: the times of its lines are put in and sent in pieces, or many short lines would need
# as much memory again as they and their times have together.
_LOG_PIECE_CHARACTERS = 16 * 1024
# Sending what was ordered so far may take this share of the time, and not more often than that.
_FLUSH_SHARE = 0.05
_FLUSH_EVERY_S = 0.5
_BEAT_AFTER_S = 0.9  # of silence, and a look at the strategy says where it is
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
        points = self._send_plots(run)
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
        self._end(wire.encode(wire.Frame.FINAL, final + digest))

    def _end(self, final: bytes) -> None:
        """Send the frame that says that this was all."""
        self.send(final)

    def finish_without_run(self) -> None:
        self.flush_log()
        self.send(wire.encode(wire.Frame.FINAL, wire.FINAL.pack(0, 0, 0)))

    def _send_plots(self, run: Run) -> int:
        """Send the lines that were drawn; how many points they have."""
        points = 0
        for name, (times, values) in run.plots().items():
            points += len(times)
            for frame in wire.encode_plot(str(name), times, values):
                self.send(frame)
        return points

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


def without_addresses(text: str) -> str:
    """`text` with dots for every address in memory: the same run leaves the same files."""
    shown = " at 0x" in text or " with id=" in text  # the latter is pprint's, of a list in itself
    return _ADDRESS.sub("...", text) if shown else text


def write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
