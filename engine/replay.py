"""Replay: the order calls of a run, entered again through the broker over the bars.

What a sandboxed child hands back is only what its strategy asked for. This module, outside the
child, plays those calls and so finds out what they earned; the child's own fills are believed
only as far as they are the same. Bars in which nothing can happen are skipped by searching the
columns for the next price that reaches a sentinel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.backtest import fills_digest, max_orders
from engine.bars import Bars, Funding
from engine.broker import CANCEL, DROPPED, SELL, TARGET, Broker
from engine.config import MAX_HOOK_DEPTH, BacktestConfig
from engine.errors import (
    BacktestError,
    InsufficientFundsError,
    PositionNotFoundError,
    StrategyError,
    ValidationError,
)
from engine.order_entry import enter
from engine.orders import step_bar
from engine.records import (
    CALLS,
    GIVEN_AMOUNT,
    GIVEN_LIMIT,
    GIVEN_STOP,
    GIVEN_STOP_LOSS,
    GIVEN_TAKE_PROFIT,
    ORDER_DTYPE,
    Ledger,
    Rejection,
)

__all__ = ["ReplayError", "ReplayGivenUp", "fills_digest", "ledger_of", "replay"]

_FIELDS = {
    "amount": GIVEN_AMOUNT,
    "limit": GIVEN_LIMIT,
    "stop": GIVEN_STOP,
    "stop_loss": GIVEN_STOP_LOSS,
    "take_profit": GIVEN_TAKE_PROFIT,
}
GIVEN_ALL = 31
FIRST_WINDOW = 64
LAST_WINDOW = 16_384
STEPS_BETWEEN_QUESTIONS = 1024


class ReplayError(BacktestError):
    """The order log is not one that an honest run can have written."""


# What an order call raises in a run, in the strategy's face or, from a queue, as its end.
REFUSALS = (InsufficientFundsError, PositionNotFoundError, StrategyError, ValidationError)


class ReplayGivenUp(Exception):
    """The replay was told to stop before its end."""


class _Stopped(Exception):
    """The run being replayed ended here, by an exception of its own."""


def replay(
    config: BacktestConfig,
    bars: Bars,
    funding: Funding,
    orders: npt.NDArray[np.void],
    bars_done: int,
    rows_done: int | None = None,
    *,
    give_up: Callable[[], bool] = lambda: False,
) -> Ledger:
    """The ledger of `orders` (ORDER_DTYPE) played over the first `bars_done` bars.

    A run that ended by an exception inside bar `bars_done` gives `rows_done`, its number of
    trade rows: that bar is then played too, up to that row. Raises ReplayError when the calls
    do not fit the bars, CalculationError when a number of the account overflows, ReplayGivenUp
    once `give_up()`, asked now and then, says so: a log can be made to take minutes.
    """
    orders = np.ascontiguousarray(orders, ORDER_DTYPE)
    partial = rows_done is not None and bars_done < len(bars)
    last = bars_done if partial else bars_done - 1
    _check_log(orders, len(bars), bars_done, last)
    player = _Player(config, bars, funding, orders.tolist(), give_up)
    try:
        player.play(last + 1)
    except _Stopped as error:
        if not partial or player.broker.i != bars_done:
            raise ReplayError(f"the run went on where it must have ended: {error}") from None
    if player.next != len(orders):
        raise ReplayError(f"order call {player.next:,} was made where the replay has no such point")
    broker = player.broker
    if rows_done is not None:
        _truncate(broker, bars_done, rows_done)
    return ledger_of(broker, bars_done, {})


def _truncate(broker: Broker, bars_done: int, rows_done: int) -> None:
    """Forget the rows of the last, unfinished bar that the run did not get to."""
    if rows_done < 0:
        raise ReplayError(f"the run claims {rows_done:,} fills")
    if len(broker.rows) < rows_done:
        raise ReplayError(f"the run claims {rows_done:,} fills, its orders make fewer")
    extra = len(broker.rows) - rows_done
    if extra and broker.rows[rows_done][0] < bars_done:
        raise ReplayError(f"the run claims {rows_done:,} fills, its orders make more")
    if extra:
        del broker.rows[rows_done:]
        del broker.states[len(broker.states) - extra :]


def ledger_of(broker: Broker, n_bars: int, plots: dict[str, Any]) -> Ledger:
    """The broker's records as a Ledger over the first `n_bars` bars."""
    dropped = 0
    for entry in (*broker.queue, *broker.close_queue):
        broker.outcomes[entry[1]] = DROPPED
        dropped += 1
    return Ledger(
        n_bars=n_bars,
        initial_capital=broker.initial_capital,
        orders=broker.order_columns(),
        outcomes=np.frombuffer(bytes(broker.outcomes), np.uint8),
        phases=np.frombuffer(bytes(broker.phases), np.uint8),
        notes=dict(broker.notes),
        trades=broker.trade_columns(),
        states=broker.state_columns(),
        funding_paid=broker.funding_paid,
        rejected_count=broker.rejected_count,
        rejected_first=tuple(
            Rejection(timestamp, CALLS[call], amount, reason)
            for timestamp, call, amount, reason in broker.rejected_first
        ),
        dropped_orders=dropped,
        plots=plots,
    )


def _check_log(orders: npt.NDArray[np.void], n_bars: int, bars_done: int, last: int) -> None:
    if not 0 <= bars_done <= n_bars:
        raise ReplayError(f"{bars_done} bars done of {n_bars}")
    if len(orders) > max_orders(n_bars):
        raise ReplayError(f"{len(orders):,} order calls over {n_bars:,} bars")
    if not len(orders):
        return
    if orders["bar"].min() < 0 or orders["bar"].max() > last:
        raise ReplayError("an order call outside the bars")
    if (np.diff(orders["bar"]) < 0).any():
        raise ReplayError("order calls out of order")
    if orders["call"].max() > CANCEL or orders["depth"].max() > MAX_HOOK_DEPTH:
        raise ReplayError("an unknown order call")
    _check_form(orders)


def _check_form(orders: npt.NDArray[np.void]) -> None:
    """Refuse calls in a form that `order_entry.order` never writes down."""
    call, given = orders["call"], orders["given"]
    if (given > GIVEN_ALL).any() or orders["pad"].any():
        raise ReplayError("an order call with unknown fields")
    if (given[call > SELL] > GIVEN_AMOUNT).any():
        raise ReplayError("an order call with fields of another")
    if not (given[call <= TARGET] & GIVEN_AMOUNT).all():
        raise ReplayError("an order call without its amount")
    for name, bit in _FIELDS.items():
        if not np.isnan(orders[name][(given & bit) == 0]).all():
            raise ReplayError(f"an order call with a {name} that was not given")
        if np.isinf(orders[name]).any():
            raise ReplayError(f"an order call with an infinite {name}")


class _Player:
    def __init__(
        self,
        config: BacktestConfig,
        bars: Bars,
        funding: Funding,
        calls: list[Any],
        give_up: Callable[[], bool],
    ) -> None:
        self.broker = Broker(config, bars, funding, len(calls))
        self.broker.hook = self._hook
        self.calls = calls
        self.next = 0
        self.give_up = give_up
        self.steps = 0
        self.bars = bars
        self.settled = sorted(self.broker.settlements)

    def play(self, stop: int) -> None:
        """Play the bars [0, stop)."""
        broker, bars, calls = self.broker, self.bars, self.calls
        open_, high, low, close = (
            column.data for column in (bars.open, bars.high, bars.low, bars.close)
        )
        settled = iter([*self.settled, stop])
        settlement = next(settled)
        position = 0
        while position < stop:
            while settlement < position:
                settlement = next(settled, stop)
            order_bar = calls[self.next][0] if self.next < len(calls) else stop
            if order_bar < position:
                raise ReplayError(f"order call {self.next:,} has no place in bar {order_bar:,}")
            end = min(order_bar, settlement if broker.size else stop, stop)
            index = self._next_touch(position, end)
            if index >= stop:
                break
            self._step()
            broker.i = index
            broker.price = price = close[index]
            if (
                low[index] <= broker.low_watch
                or high[index] >= broker.high_watch
                or (settlement == index and broker.size != 0.0)
            ):
                try:
                    step_bar(broker, open_[index], high[index], low[index], price)
                except REFUSALS as error:
                    raise _Stopped(str(error)) from None
            self._enter_at(index, 0)
            position = index + 1
        broker.i = stop - 1

    def _next_touch(self, start: int, end: int) -> int:
        """First bar of [start, end) whose range reaches a sentinel, else `end`."""
        low_watch, high_watch = self.broker.low_watch, self.broker.high_watch
        if low_watch == np.inf or start >= end:
            return start if start < end else end
        if low_watch == -np.inf and high_watch == np.inf:
            return end
        low, high = self.bars.low, self.bars.high
        window = FIRST_WINDOW
        while start < end:
            stop = min(end, start + window)
            touched = (low[start:stop] <= low_watch) | (high[start:stop] >= high_watch)
            first = int(touched.argmax())
            if touched[first]:
                return start + first
            start = stop
            window = min(window * 4, LAST_WINDOW)
        return end

    def _step(self) -> None:
        self.steps += 1
        if self.steps % STEPS_BETWEEN_QUESTIONS == 0 and self.give_up():
            raise ReplayGivenUp

    def _hook(self, row: int) -> None:
        self._enter_at(self.broker.i, self.broker.depth)

    def _enter_at(self, bar: int, depth: int) -> None:
        """Enter the calls that the run made at this very point: same bar, depth and row count."""
        calls, broker = self.calls, self.broker
        while self.next < len(calls):
            call_bar, rows, call_depth, call, given, _, *numbers = calls[self.next]
            if call_bar != bar or call_depth != depth or rows != len(broker.rows):
                return
            self.next += 1
            self._step()
            try:
                enter(broker, call, given, *numbers)
            except REFUSALS:
                continue  # the strategy was told so by the same exception, and went on or not
