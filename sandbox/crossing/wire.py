"""What crosses the pipes: fixed structs to and from the fork server, checked frames from a child.

A child is hostile, so its frames are little: a length and a type, both judged before anything is
allocated; rows of a width that we fix; small JSON for what is small. Nothing is ever unpickled.
The reader is a pure state machine over bytes, so that a fuzzer can sit on it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.account import codes
from engine.account.records import CALLS, ORDER_DTYPE
from engine.config import (
    MAX_INDICATOR_LINES,
    MAX_INDICATOR_VALUES,
    MAX_ORDERS,
    MAX_PLOT_POINTS,
    MAX_PLOTS,
)

# To the fork server: magic, run id, memory bytes, cpu seconds, cpu grace, wall seconds, flags.
REQUEST = struct.Struct("<4sQQIIdI")
REQUEST_MAGIC = b"run1"
FLAG_BARS = 1
FLAG_SECCOMP = 2
FLAG_LANDLOCK = 4
FLAG_FEED = 8
FLAG_SETS = 16  # the child counts the limits of each set itself, by an alarm that only asks
# Descriptors of a request, in this order; the last two only with FLAG_BARS and FLAG_FEED.
REQUEST_FDS = ("status", "job", "result", "log", "bars", "feed")

# From the fork server, on the run's status socket: kind, pid, wait status, max rss kB, cpu seconds.
STATUS = struct.Struct("<BiiQd")
STATUS_STARTED, STATUS_ENDED, STATUS_REFUSED = 1, 2, 3

# How a child exits that could not lock itself in, and one whose task failed.
LOCK_FAILED = 98
TASK_FAILED = 97


class Frame(IntEnum):
    """Kinds of frame on the result pipe."""

    HELLO = 1  # JSON: the layers in force
    PROGRESS = 2  # bars done, equity, line of the strategy (0: not known)
    ORDERS = 3  # rows of ORDER_DTYPE
    CHECKPOINT = 4  # bars done, orders sent: a point from which a cut-off run can be replayed
    PLOT = 5  # name, then rows of PLOT_DTYPE
    ERROR = 6  # JSON: kind, message, line, bar, problems
    REPORT = 7  # JSON: the answer of a check or of the probes
    FINAL = 8  # bars done, orders, plot points, digest; nothing follows
    INDICATOR = 9  # name, then float64 values, one for each bar that was done
    # JSON: how many indicators were over the limits, the first of their names, and how many plot
    # points were
    LEFT_OUT = 10
    CUT = 11  # number of the cut that is done, its order calls: see `sandbox.child.fed_tasks`
    BAR = 12  # the calls of the next bar of a blind run, see `fed_frames`
    DECLARED = 13  # JSON: the indicators that `initialize` declared
    VALUES = 14  # number of the indicator's part, then float64 values
    WAITED = 15  # bars that passed before every indicator was finite, of a run that waited
    SET = 16  # number of the parameter set that begins: see `sandbox.crossing.set_frames`
    USED = 17  # seconds of CPU and of wall time that the set used, before its final frame


HEADER = struct.Struct("<IB")
PROGRESS = struct.Struct("<qdi")
CHECKPOINT = struct.Struct("<qq")
CUT = struct.Struct("<qq")
VALUES = struct.Struct("<q")
WAITED = struct.Struct("<q")
SET = struct.Struct("<q")
USED = struct.Struct("<dd")
FINAL = struct.Struct("<qqq")
PLOT_DTYPE = np.dtype([("timestamp", "<i8"), ("value", "<f8")])

ORDERS_PER_FRAME = 4096
MAX_ORDER_ROWS = 2 * MAX_ORDERS  # calls, and as many rows that spell their words
POINTS_PER_FRAME = 16_384
VALUES_PER_FRAME = 32_768
MAX_DIGEST_BYTES = 64
MAX_PLOT_NAME_BYTES = 480
MAX_LEFT_OUT_NAMES = 10
MAX_LINE = 1_000_000
# Declarations of one child: one at each cut and one over all bars. Values that it may reveal.
MAX_DECLARATIONS = 128
MAX_REVEALED_VALUES = 20_000_000
MAX_LEFT_OUT = 1_000_000
MAX_DROPPED_POINTS = 10**12
# Frames that a run may send: full ones of all orders and points, and, for each second, ten of
# progress and some of what was ordered meanwhile. More would only keep the reader busy.
MAX_FRAMES = 5_000
FRAMES_PER_S = 40

MAX_PAYLOAD_BYTES = {
    Frame.HELLO: 4096,
    Frame.PROGRESS: PROGRESS.size,
    Frame.ORDERS: ORDERS_PER_FRAME * ORDER_DTYPE.itemsize,
    Frame.CHECKPOINT: CHECKPOINT.size,
    Frame.PLOT: 2 + MAX_PLOT_NAME_BYTES + POINTS_PER_FRAME * PLOT_DTYPE.itemsize,
    Frame.ERROR: 256 * 1024,
    Frame.REPORT: 512 * 1024,
    Frame.FINAL: FINAL.size + MAX_DIGEST_BYTES,
    Frame.INDICATOR: 2 + MAX_PLOT_NAME_BYTES + VALUES_PER_FRAME * 8,
    Frame.LEFT_OUT: 8192,
    Frame.CUT: CUT.size,
    Frame.BAR: ORDERS_PER_FRAME * ORDER_DTYPE.itemsize,
    Frame.DECLARED: 256 * 1024,
    Frame.VALUES: VALUES.size + VALUES_PER_FRAME * 8,
    Frame.WAITED: WAITED.size,
    Frame.SET: SET.size,
    Frame.USED: USED.size,
}


class WireError(ValueError):
    """The child said something that our own code never says."""


def encode(kind: Frame, payload: bytes) -> bytes:
    """One frame. Raises WireError when it is over its kind's cap."""
    if len(payload) > MAX_PAYLOAD_BYTES[kind]:
        raise WireError(f"{kind.name} of {len(payload)} bytes")
    return HEADER.pack(len(payload), kind) + payload


def encode_json(kind: Frame, document: dict[str, Any]) -> bytes:
    text = json.dumps(document, allow_nan=False, ensure_ascii=False)
    return encode(kind, text.encode("utf-8", "replace"))


def encode_orders(orders: npt.NDArray[np.void]) -> Iterator[bytes]:
    """Frames of at most ORDERS_PER_FRAME rows."""
    for start in range(0, len(orders), ORDERS_PER_FRAME):
        yield encode(Frame.ORDERS, orders[start : start + ORDERS_PER_FRAME].tobytes())


def encode_plot(
    name: str, times: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
) -> Iterator[bytes]:
    """Frames of at most POINTS_PER_FRAME points; one without points for an empty line."""
    label = name.encode("utf-8", "replace")
    rows = np.empty(len(times), PLOT_DTYPE)
    rows["timestamp"], rows["value"] = times, values
    for start in range(0, max(1, len(rows)), POINTS_PER_FRAME):
        chunk = rows[start : start + POINTS_PER_FRAME].tobytes()
        yield encode(Frame.PLOT, struct.pack("<H", len(label)) + label + chunk)


def encode_indicator(name: str, values: npt.NDArray[np.float64]) -> Iterator[bytes]:
    """Frames of at most VALUES_PER_FRAME values; none for a line without values."""
    label = name.encode("utf-8", "replace")
    lead = struct.pack("<H", len(label)) + label
    for start in range(0, len(values), VALUES_PER_FRAME):
        chunk = values[start : start + VALUES_PER_FRAME].astype("<f8", copy=False)
        yield encode(Frame.INDICATOR, lead + chunk.tobytes())


@dataclass
class Received:
    """Everything that one child has said so far, checked for form and size, believed in nothing."""

    layers: dict[str, Any] | None = None
    bars_done: int = 0
    equity: float | None = None
    line: int | None = None
    checkpoint: tuple[int, int] = (0, 0)
    orders: list[npt.NDArray[np.void]] = field(default_factory=list)
    n_orders: int = 0
    plots: dict[str, list[npt.NDArray[np.void]]] = field(default_factory=dict)
    n_points: int = 0
    indicators: dict[str, list[npt.NDArray[np.float64]]] = field(default_factory=dict)
    n_values: int = 0
    left_out: dict[str, Any] | None = None
    waited: int | None = None
    error: dict[str, Any] | None = None
    report: dict[str, Any] | None = None
    cuts: list[npt.NDArray[np.void]] = field(default_factory=list)  # the calls up to each
    declared: list[dict[str, Any]] = field(default_factory=list)
    revealed: dict[int, list[npt.NDArray[np.float64]]] = field(default_factory=dict)
    n_revealed: int = 0
    finished: bool = False
    digest: bytes = b""

    def order_rows(self, count: int | None = None) -> npt.NDArray[np.void]:
        """The first `count` order rows, all by default, as one array."""
        rows = np.concatenate(self.orders) if self.orders else np.empty(0, ORDER_DTYPE)
        return rows if count is None else rows[:count]

    def plot_lines(
        self,
    ) -> dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]:
        lines = {}
        for name, chunks in self.plots.items():
            rows = np.concatenate(chunks)
            lines[name] = (
                np.ascontiguousarray(rows["timestamp"]),
                np.ascontiguousarray(rows["value"]),
            )
        return lines

    def indicator_lines(self) -> dict[str, npt.NDArray[np.float64]]:
        """Name -> a value for each bar that was done, NaN where it is no finite number."""
        lines = {}
        for name, chunks in self.indicators.items():
            values = np.concatenate(chunks)
            values[~np.isfinite(values)] = np.nan
            lines[name] = values
        return lines


class FrameReader:
    """Takes bytes of a result pipe as they come; `received` grows. Raises WireError.

    `n_bars` bounds the bars that orders and progress may name, `wall_s` the number of frames.
    """

    def __init__(self, n_bars: int, wall_s: float = 0.0) -> None:
        self.received = Received()
        self._n_bars = n_bars
        self._buffer = bytearray()
        self._restart(wall_s)

    def _restart(self, wall_s: float) -> None:
        """Count from nothing what one run may send."""
        self._frames_left = MAX_FRAMES + int(FRAMES_PER_S * wall_s)
        self._last_bar = 0

    def feed(self, data: bytes) -> None:
        self._buffer += data
        start = 0
        while len(self._buffer) - start >= HEADER.size:
            size, number = HEADER.unpack_from(self._buffer, start)
            kind = self._admit(size, number)
            end = start + HEADER.size + size
            if end > len(self._buffer):
                break
            self._frames_left -= 1
            self._take(kind, bytes(self._buffer[start + HEADER.size : end]))
            start = end
        del self._buffer[:start]
        if self.received.finished and self._buffer and self._ends_here():
            raise WireError("bytes after the final frame")

    def _ends_here(self) -> bool:
        """Whether nothing may follow a final frame."""
        return True

    def close(self) -> None:
        """The pipe has ended. Raises WireError in the middle of a frame."""
        if self._buffer:
            raise WireError("the pipe ended inside a frame")

    def _admit(self, size: int, number: int) -> Frame:
        """The frame's kind, judged on its header alone, before its payload is waited for."""
        if number not in Frame.__members__.values():
            raise WireError(f"frame of unknown kind {number}")
        kind = Frame(number)
        if self._frames_left == 0:
            raise WireError("too many frames")
        if size > MAX_PAYLOAD_BYTES[kind]:
            raise WireError(f"{kind.name} of {size} bytes")
        if self.received.finished:
            raise WireError(f"{kind.name} after the final frame")
        if (kind is Frame.HELLO) != (self.received.layers is None):
            raise WireError(f"{kind.name} out of turn")
        return kind

    def _take(self, kind: Frame, payload: bytes) -> None:
        received = self.received
        match kind:
            case Frame.HELLO:
                received.layers = parse_json(payload)
            case Frame.PROGRESS:
                bars_done, received.equity, line = _fixed(PROGRESS, payload)
                if not 0 <= line <= MAX_LINE:
                    raise WireError(f"line {line}")
                received.line = line or None
                received.bars_done = self._checked_bars_done(bars_done)
            case Frame.ORDERS:
                self._take_orders(payload)
            case Frame.CHECKPOINT:
                bars_done, count = _fixed(CHECKPOINT, payload)
                if count != received.n_orders:
                    raise WireError("a checkpoint that miscounts its orders")
                received.checkpoint = (self._checked_bars_done(bars_done), count)
            case Frame.PLOT:
                self._take_plot(payload)
            case Frame.ERROR:
                self._only_once(received.error)
                received.error = parse_json(payload)
            case Frame.REPORT:
                self._only_once(received.report)
                received.report = parse_json(payload)
            case Frame.INDICATOR:
                self._take_indicator(payload)
            case Frame.LEFT_OUT:
                self._only_once(received.left_out)
                received.left_out = _left_out(parse_json(payload))
            case Frame.CUT:
                self._take_cut(*_fixed(CUT, payload))
            case Frame.BAR | Frame.SET | Frame.USED:
                raise WireError(f"{kind.name} out of turn")
            case Frame.DECLARED:
                if len(received.declared) >= MAX_DECLARATIONS:
                    raise WireError(f"more than {MAX_DECLARATIONS} declarations")
                received.declared.append(parse_json(payload))
            case Frame.VALUES:
                self._take_values(payload)
            case Frame.WAITED:
                self._only_once(received.waited)
                (waited,) = _fixed(WAITED, payload)
                received.waited = self._checked_bars_done(waited)
            case Frame.FINAL:
                self._take_final(payload)

    def _take_orders(self, payload: bytes) -> None:
        if not payload or len(payload) % ORDER_DTYPE.itemsize:
            raise WireError("orders that are not whole rows")
        rows = np.frombuffer(payload, ORDER_DTYPE)
        received = self.received
        if received.n_orders + len(rows) > MAX_ORDER_ROWS:
            raise WireError(f"more than {MAX_ORDER_ROWS:,} rows of orders")
        bars = rows["bar"]
        if bars[0] < self._last_bar or np.any(bars[1:] < bars[:-1]) or bars[-1] >= self._n_bars:
            raise WireError("orders that are not in the order of the bars")
        known = (rows["call"] < len(CALLS)) | (rows["call"] == codes.WORD)
        if not known.all() or np.any(rows["rows"] < 0):
            raise WireError("orders of an unknown kind")
        self._last_bar = int(bars[-1])
        received.orders.append(rows)
        received.n_orders += len(rows)

    def _take_cut(self, number: int, count: int) -> None:
        received = self.received
        if number != len(received.cuts) or count != received.n_orders:
            raise WireError("a cut that miscounts")
        received.cuts.append(received.order_rows())
        received.orders, received.n_orders, self._last_bar = [], 0, 0

    def _take_values(self, payload: bytes) -> None:
        if len(payload) < VALUES.size or (len(payload) - VALUES.size) % 8:
            raise WireError("values that are not whole numbers of 8 bytes")
        (part,) = VALUES.unpack_from(payload)
        values = np.frombuffer(payload, np.float64, offset=VALUES.size)
        received = self.received
        if received.n_revealed + len(values) > MAX_REVEALED_VALUES:
            raise WireError(f"more than {MAX_REVEALED_VALUES:,} values of indicators")
        received.revealed.setdefault(int(part), []).append(values)
        received.n_revealed += len(values)

    def _take_plot(self, payload: bytes) -> None:
        name, rows = _named_rows(payload, PLOT_DTYPE, "a plot")
        received = self.received
        if name not in received.plots and len(received.plots) >= MAX_PLOTS:
            raise WireError(f"more than {MAX_PLOTS} plots")
        if received.n_points + len(rows) > MAX_PLOT_POINTS:
            raise WireError(f"more than {MAX_PLOT_POINTS:,} plot points")
        received.plots.setdefault(name, []).append(rows)
        received.n_points += len(rows)

    def _take_indicator(self, payload: bytes) -> None:
        name, values = _named_rows(payload, np.dtype("<f8"), "an indicator")
        received = self.received
        if not name or not len(values):
            raise WireError("an indicator without a name or values")
        if name not in received.indicators and len(received.indicators) >= MAX_INDICATOR_LINES:
            raise WireError(f"more than {MAX_INDICATOR_LINES} lines of indicators")
        if received.n_values + len(values) > MAX_INDICATOR_VALUES:
            raise WireError(f"more than {MAX_INDICATOR_VALUES:,} values of indicators")
        received.indicators.setdefault(name, []).append(values)
        received.n_values += len(values)

    def _take_final(self, payload: bytes) -> None:
        if len(payload) < FINAL.size:
            raise WireError("a final frame cut short")
        bars_done, n_orders, n_points = FINAL.unpack_from(payload)
        received = self.received
        if n_orders != received.n_orders or n_points != received.n_points:
            raise WireError("a final frame that miscounts")
        received.bars_done = self._checked_bars_done(bars_done)
        if received.waited is not None:
            # Before the wait was over nobody was asked for an order.
            first_order = received.orders[0]["bar"][0] if received.orders else bars_done
            if received.waited > min(bars_done, first_order):
                raise WireError("a wait beyond the first order or the last bar")
        for chunks in received.indicators.values():
            if sum(map(len, chunks)) != bars_done:
                raise WireError("an indicator that has not one value for each bar")
        received.digest = payload[FINAL.size :]
        received.finished = True

    def _checked_bars_done(self, bars_done: int) -> int:
        if not 0 <= bars_done <= self._n_bars:
            raise WireError(f"bar {bars_done} of {self._n_bars}")
        return int(bars_done)

    def _only_once(self, earlier: object) -> None:
        if earlier is not None:
            raise WireError("the same answer twice")


def _named_rows(payload: bytes, dtype: np.dtype[Any], what: str) -> tuple[str, npt.NDArray[Any]]:
    """A name and the rows behind it. Raises WireError."""
    if len(payload) < 2:
        raise WireError(f"{what} without a name")
    (label_bytes,) = struct.unpack_from("<H", payload)
    size = len(payload) - 2 - label_bytes
    if label_bytes > MAX_PLOT_NAME_BYTES or size < 0 or size % dtype.itemsize:
        raise WireError(f"{what} that is not whole rows")
    try:
        name = payload[2 : 2 + label_bytes].decode()
    except UnicodeDecodeError as error:
        raise WireError(f"{what} whose name is not text") from error
    return name, np.frombuffer(payload, dtype, offset=2 + label_bytes)


def _left_out(document: dict[str, Any]) -> dict[str, Any]:
    """`{count, first, points}` as our own code says it. Raises WireError."""
    count, first, points = (document.get(name) for name in ("count", "first", "points"))
    if type(count) is not int or not 0 <= count <= MAX_LEFT_OUT:
        raise WireError("indicators left out that are no number")
    if type(points) is not int or not 0 <= points <= MAX_DROPPED_POINTS:
        raise WireError("plot points left out that are no number")
    if not isinstance(first, list) or len(first) > min(count, MAX_LEFT_OUT_NAMES):
        raise WireError("indicators left out that are no list")
    if not all(isinstance(n, str) and 0 < len(n) <= MAX_PLOT_NAME_BYTES for n in first):
        raise WireError("an indicator left out that has no name")
    return {"count": count, "first": first, "points": points}


def parse_json(payload: bytes) -> dict[str, Any]:
    """An object of plain JSON. Raises WireError, also on nesting that Python would not follow."""
    try:
        document = json.loads(payload.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise WireError("not JSON") from error
    if not isinstance(document, dict):
        raise WireError("not a JSON object")
    return document


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _fixed(layout: struct.Struct, payload: bytes) -> tuple[Any, ...]:
    if len(payload) != layout.size:
        raise WireError("a frame of the wrong size")
    return layout.unpack(payload)
