"""Player: enters a log of order calls again at the very points where a run made them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from engine.account import codes
from engine.account.broker import Broker
from engine.account.order_entry import enter
from engine.account.order_log import write_down
from engine.account.price_path import step_bar
from engine.bars import Bars
from engine.errors import (
    BacktestError,
    InsufficientFundsError,
    PositionNotFoundError,
    StrategyError,
    ValidationError,
)
from engine.uncopied import refuse_copy

STEPS_BETWEEN_QUESTIONS = 1024

# What an order call raises in a run, in the strategy's face or, from a queue, as its end.
REFUSALS = (InsufficientFundsError, PositionNotFoundError, StrategyError, ValidationError)


class ReplayError(BacktestError):
    """The order log is not one that an honest run can have written."""


class ReplayGivenUp(Exception):
    """The replay was told to stop before its end."""


class Stopped(Exception):
    """The run being replayed ended here, by an exception of its own."""


class Player:
    """Plays `calls`, (n, fields) float64 in the order of ORDER_DTYPE, through `broker` over `bars`.

    `next` is the number of the first call not yet entered. Raises ReplayGivenUp once `give_up()`,
    asked now and then, says so.
    """

    def __init__(
        self,
        broker: Broker,
        bars: Bars,
        calls: npt.NDArray[np.float64],
        give_up: Callable[[], bool],
    ) -> None:
        self.broker = broker
        broker.hook = self.on_fill
        self.next = 0
        self._calls = calls.data
        self._count = len(calls)
        self._open = bars.open.data
        self._high = bars.high.data
        self._low = bars.low.data
        self._close = bars.close.data
        self._settled = [*sorted(broker.settlements), len(bars)]
        self._give_up = give_up
        self._steps = 0

    def __reduce__(self) -> NoReturn:
        refuse_copy(self)

    def play(self, stop: int) -> None:
        """Play the bars [0, stop). Bars in which nothing can happen are passed over."""
        b = self.broker
        position = 0
        turn = 0
        while position < stop:
            settlement = self._settled[turn]
            while settlement < position:
                turn += 1
                settlement = self._settled[turn]
            end = stop
            if self.next < self._count:
                order_bar = int(self._calls[self.next, 0])
                if order_bar < position:
                    raise ReplayError(f"order call {self.next:,} has no place in bar {order_bar:,}")
                end = min(end, order_bar)
            if b.size != 0.0:
                end = min(end, settlement)
            index = self._next_touch(position, end)
            if index >= stop:
                break
            self._step()
            b.i = index
            b.price = self._close[index]
            if (
                self._low[index] <= b.low_watch
                or self._high[index] >= b.high_watch
                or (settlement == index and b.size != 0.0)
            ):
                try:
                    step_bar(
                        b, self._open[index], self._high[index], self._low[index],
                        self._close[index],
                    )  # fmt: skip
                except REFUSALS as error:
                    raise Stopped(str(error)) from None
            self._enter_at(index, 0)
            position = index + 1
        b.i = stop - 1

    def on_fill(self, row: int) -> None:
        """The broker wrote a row: enter what the run's own hook answered to it."""
        self._enter_at(self.broker.i, self.broker.depth)

    def _next_touch(self, start: int, end: int) -> int:
        """First bar of [start, end) whose range reaches a sentinel, else `end`."""
        low_watch = self.broker.low_watch
        high_watch = self.broker.high_watch
        low = self._low
        high = self._high
        index = start
        while index < end and low[index] > low_watch and high[index] < high_watch:
            index += 1
        return index

    def _step(self) -> None:
        self._steps += 1
        if self._steps % STEPS_BETWEEN_QUESTIONS == 0 and self._give_up():
            raise ReplayGivenUp

    def _enter_at(self, bar: int, depth: int) -> None:
        """Enter the calls that the run made at this very point: same bar, depth and row count."""
        b = self.broker
        calls = self._calls
        while self.next < self._count:
            n = self.next
            if calls[n, 0] != bar or calls[n, 2] != depth or calls[n, 1] != b.rows.count:
                return
            self.next += 1
            self._step()
            call = int(calls[n, codes.IN_CALL])
            given = int(calls[n, codes.IN_GIVEN])
            line = int(calls[n, codes.IN_LINE])
            tag = int(calls[n, codes.IN_TAG])
            oco = int(calls[n, codes.IN_OCO])
            targets = int(calls[n, codes.IN_TARGETS])
            expires = int(calls[n, codes.IN_EXPIRES])
            if call == codes.WORD:
                write_down(
                    b, call, given, line, tag, oco, targets, expires,
                    calls[n, codes.IN_AMOUNT], calls[n, codes.IN_LEVERAGE],
                    calls[n, codes.IN_LIMIT], calls[n, codes.IN_STOP],
                    calls[n, codes.IN_STOP_LOSS], calls[n, codes.IN_TAKE_PROFIT],
                )  # fmt: skip
                continue
            try:
                enter(
                    b, call, given, line, tag, oco, targets, expires,
                    calls[n, codes.IN_AMOUNT], calls[n, codes.IN_LEVERAGE],
                    calls[n, codes.IN_LIMIT], calls[n, codes.IN_STOP],
                    calls[n, codes.IN_STOP_LOSS], calls[n, codes.IN_TAKE_PROFIT],
                )  # fmt: skip
            except REFUSALS:
                continue  # the strategy was told so by the same exception, and went on or not
