"""Tasks of a child that is fed: what comes after a cut, or a bar, is not in its process before.

The bars come through the one pipe that such a child may read, when the supervisor has what it
wants to compare. `cuts` repeats a run up to several cuts, the earliest first, each time with an
invented future. `tried` computes indicators on ever longer data. `blind` is a whole run whose
bars come one by one: its memory holds no later one, nor how many there will be.
"""

from __future__ import annotations

import gc
import hashlib
import os
import struct
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.bars import COLUMNS, Funding
from engine.config import BacktestConfig
from engine.run import handover
from engine.run.backtest import Run
from engine.run.blind import BlindRun, TriedRun
from engine.run.strategy import Strategy
from sandbox.child.channel import write_all
from sandbox.child.invention import invent
from sandbox.child.lockdown import FEED_FD, RESULT_FD, Inside
from sandbox.child.strategy_code import Code
from sandbox.child.tasks import describe, fitting, own_process
from sandbox.crossing import wire
from sandbox.crossing.fed_frames import COUNT, DIGEST_BYTES, PIECE, QUIET
from sandbox.crossing.sealed import make_bars, parse_job

_ONE_READ_BYTES = 1 << 20


class Silence:
    """The log and the progress of a run that is only compared."""

    def write(self, text: str) -> None:
        pass

    def progress(self, bars_done: int, equity: float) -> None:
        pass


class Columns:
    """The bars that were handed in so far, in arrays as long as the whole range."""

    def __init__(self) -> None:
        (count,) = COUNT.unpack(exactly(COUNT.size))
        self.timestamp = np.frombuffer(exactly(8 * count), np.int64)
        self.prices = tuple(np.zeros(count) for _ in COLUMNS)
        self.known = 0
        self._settled: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]] = []

    def take_piece(self) -> tuple[int, int] | None:
        """Read the next piece: its cut, and what to make its future from. None at the end."""
        header = exactly(PIECE.size, end=True)
        if not header:
            return None
        cut, future, more, settlements = PIECE.unpack(header)
        for column in self.prices:
            column[self.known : self.known + more] = np.frombuffer(exactly(8 * more))
        self.known += more
        times = np.frombuffer(exactly(8 * settlements), np.int64)
        self._settled.append((times, np.frombuffer(exactly(8 * settlements))))
        return cut, future

    def funding(self) -> Funding:
        times, rates = zip(*self._settled, strict=True)
        return Funding(np.concatenate(times), np.concatenate(rates))


class CutRun(Run):
    """A run up to a cut. What an indicator's function may see behind it is invented when asked."""

    def __init__(self, config: BacktestConfig, columns: Columns, symbol: str, future: int) -> None:
        prices = columns.prices
        bars = make_bars(symbol, config.timeframe, columns.timestamp, prices)
        super().__init__(config, bars, columns.funding(), sink=Silence())
        self._columns = columns
        self._future = future
        self._invented = False

    def _indicator_column(self, name: str) -> npt.NDArray[np.float64]:
        if not self._invented and name != "timestamp_ms":
            self._invented = True
            invent(self._columns.prices, self._columns.known - 1, self._future)
        return super()._indicator_column(name)


def _ignore(text: str) -> None:
    """What a strategy prints, when nobody looks."""


def cuts(inside: Inside) -> None:
    """Repeat the run up to each cut that comes in; answer each with its order calls."""
    document, code, config = _begin(inside)
    columns = Columns()
    done = last = 0
    while (piece := columns.take_piece()) is not None:
        cut, future = piece
        run = CutRun(config, columns, document["symbol"], future)
        try:
            run.execute(code.load(run, _ignore), stop_after=cut)
        except BaseException as error:
            _fail(inside, code, error, run)
            return
        count = len(run.broker.calls)
        for start in range(0, count, wire.ORDERS_PER_FRAME):
            rows = run.orders(start, min(count, start + wire.ORDERS_PER_FRAME))
            _send(*wire.encode_orders(rows))
        _send(wire.encode(wire.Frame.CUT, wire.CUT.pack(done, count)))
        done, last = done + 1, cut
        del run
        gc.collect()
    _send(wire.encode(wire.Frame.FINAL, wire.FINAL.pack(last + 1, 0, 0)))


def tried(inside: Inside) -> None:
    """Compute the indicators on the bars of each piece; of the last also tell the values."""
    document, code, config = _begin(inside)
    columns = Columns()
    run: TriedRun | None = None
    while columns.take_piece() is not None:
        known = columns.known
        prices = tuple(column[:known] for column in columns.prices)
        bars = make_bars(document["symbol"], config.timeframe, columns.timestamp[:known], prices)
        del run
        gc.collect()
        run = TriedRun(config, bars, columns.funding(), sink=Silence())
        try:
            run.prepare(code.load(run, _ignore))
        except BaseException as error:
            _fail(inside, code, error, run)
            return
        _send(fitting_declaration(run, digests=True))
    if run is not None:
        number = 0
        for arrays in run.parts:
            for array in arrays:
                for start in range(0, len(array), wire.VALUES_PER_FRAME):
                    piece = array[start : start + wire.VALUES_PER_FRAME].tobytes()
                    _send(wire.encode(wire.Frame.VALUES, wire.VALUES.pack(number) + piece))
                number += 1
    _send(wire.encode(wire.Frame.FINAL, wire.FINAL.pack(columns.known, 0, 0)))


def fitting_declaration(run: TriedRun | BlindRun, *, digests: bool) -> bytes:
    """The frame of what `initialize` declared. Raises WireError when there is too much of it."""
    items = []
    for number, ((name, inputs), arrays) in enumerate(zip(run.declared, run.parts, strict=True)):
        item: dict[str, Any] = {"name": name, "inputs": inputs, "parts": len(arrays)}
        if digests and isinstance(run, TriedRun):
            item["failed"] = run.failures[number]
            item["digests"] = [digest_of(array) for array in arrays]
        items.append(item)
    guessed = isinstance(run, BlindRun) and run.guessed
    return wire.encode_json(wire.Frame.DECLARED, {"indicators": items, "guessed": guessed})


def digest_of(values: npt.NDArray[np.float64]) -> str:
    return hashlib.blake2b(values.data, digest_size=DIGEST_BYTES).hexdigest()


def blind(inside: Inside) -> None:
    """Run the strategy over bars that come in one by one; answer each with its order calls."""
    document, code, config = _begin(inside)
    run = BlindRun(config, document["symbol"], int(document["first_ms"]), sink=Silence())
    try:
        strategy = run.prepare(code.load(run, _ignore))
        _send(fitting_declaration(run, digests=False))
        _pass_bars(run, strategy)
        run.finish(strategy)
    except BaseException as error:
        _fail(inside, code, error, run)
        return
    _send(wire.encode(wire.Frame.FINAL, wire.FINAL.pack(run.bars_done, 0, 0)))


def _pass_bars(run: BlindRun, strategy: Strategy) -> None:
    """Take the run through its bars; what is seldom in a bar is done here."""
    run.begin(strategy)
    calls = run.broker.calls
    while (state := run.take_bars(strategy, FEED_FD, RESULT_FD, QUIET)) != handover.ENDED:
        if state == handover.SETTLES:
            sent = calls.count
            rates = struct.unpack(f"<{run.settlements}d", exactly(8 * run.settlements))
            run.take_settled(strategy, list(rates))
            write_all(RESULT_FD, handover.answer(calls, sent, QUIET))


def exactly(size: int, *, end: bool = False) -> bytes:
    """So many bytes of the feed; with `end` none when it is over. Raises EOFError."""
    pieces: list[bytes] = []
    left = size
    while left:
        data = os.read(FEED_FD, min(left, _ONE_READ_BYTES))
        if not data:
            if end and not pieces:
                return b""
            raise EOFError("the feed ended inside a piece")
        pieces.append(data)
        left -= len(data)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _begin(inside: Inside) -> tuple[dict[str, Any], Code, BacktestConfig]:
    document, _ = parse_job(inside.job)
    own_process()
    config = BacktestConfig.from_document(document["config"])
    return document, Code(document["source"]), config


def _fail(inside: Inside, code: Code, error: BaseException, run: Run) -> None:
    """Tell what ended the run, and its end."""
    inside.ballast.close()
    answer = describe(error, code.source, code.filename)
    traceback.clear_frames(error.__traceback__)
    error.__traceback__ = None
    gc.collect()
    _send(fitting(wire.Frame.ERROR, answer))
    _send(wire.encode(wire.Frame.FINAL, wire.FINAL.pack(run.bars_done, 0, 0)))


def _send(*frames: bytes) -> None:
    for frame in frames:
        write_all(RESULT_FD, frame)


TASKS: dict[str, Callable[[Inside], None]] = {"cuts": cuts, "tried": tried, "blind": blind}
