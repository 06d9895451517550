"""Order entry: what happens when a strategy calls buy, sell, close_position and the rest.

Every call is written down (the replay's input), judged (malformed, rejected), and then filled
at once, queued for the next open or this close, or left resting. The replay enters the same
calls through `enter`, with the numbers that were written down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.broker import (
    BUY,
    BY_ORDER,
    CANCEL,
    CANCELLED,
    CLOSE,
    CLOSE_POSITION,
    FILLED,
    INF,
    MALFORMED,
    NONE,
    QUEUED,
    RESTING,
    SELL,
    SET,
    SET_STOP,
    SET_TAKE,
    SET_TRAIL,
    TARGET,
    Broker,
    reject,
    watch,
)
from engine.config import MAX_ORDER_AMOUNT, MAX_RESTING_ORDERS, MIN_ORDER_AMOUNT
from engine.costs import slipped
from engine.errors import (
    BacktestError,
    InsufficientFundsError,
    PositionNotFoundError,
    StrategyError,
    ValidationError,
)
from engine.fills import cash_carries, close, execute
from engine.records import (
    CALLS,
    GIVEN_AMOUNT,
    GIVEN_LIMIT,
    GIVEN_STOP,
    GIVEN_STOP_LOSS,
    GIVEN_TAKE_PROFIT,
)

NAN = math.nan


class OrderLimit(StrategyError):
    """The strategy made more order calls than a run of its length may."""


@dataclass(slots=True, eq=False)
class RestingOrder:
    """A limit or stop order waiting for its price; first exposed in the bar after `bar`."""

    index: int
    bar: int
    side: int
    amount: float
    leverage: float
    price: float
    is_stop: bool
    stop_loss: float | None
    take_profit: float | None


def number(value: Any) -> float:
    """`value` as a finite float, else NaN. bool and str are no numbers here."""
    if type(value) is float:
        converted = value
    elif isinstance(value, bool | str | np.bool_):
        return NAN
    else:
        try:
            converted = float(value)
        except (TypeError, ValueError, OverflowError):
            return NAN
    return converted if math.isfinite(converted) else NAN


def order(
    b: Broker,
    call: int,
    amount: Any,
    leverage: Any = 1.0,
    limit: Any = None,
    stop: Any = None,
    stop_loss: Any = None,
    take_profit: Any = None,
) -> bool:
    """Enter an order call as the strategy made it. Returns whether it was taken.

    Raises ValidationError when it is malformed, OrderLimit past the run's number of calls, and
    under strict_orders what a rejection stands for.
    """
    if b.locked is not None:
        raise StrategyError(b.locked)
    given = GIVEN_AMOUNT
    if amount is None and call in (SET_STOP, SET_TAKE, SET_TRAIL, CANCEL):
        given, amount = 0, NAN
    elif type(amount) is not float or not math.isfinite(amount):
        amount = number(amount)
    if type(leverage) is not float or not math.isfinite(leverage):
        leverage = number(leverage)
    if limit is None and stop is None and stop_loss is None and take_profit is None:
        return enter(b, call, given, amount, leverage, NAN, NAN, NAN, NAN)
    if limit is not None:
        given |= GIVEN_LIMIT
    if stop is not None:
        given |= GIVEN_STOP
    if stop_loss is not None:
        given |= GIVEN_STOP_LOSS
    if take_profit is not None:
        given |= GIVEN_TAKE_PROFIT
    return enter(
        b, call, given, amount, leverage,
        number(limit), number(stop), number(stop_loss), number(take_profit),
    )  # fmt: skip


def enter(
    b: Broker,
    call: int,
    given: int,
    amount: float,
    leverage: float,
    limit: float,
    stop: float,
    stop_loss: float,
    take_profit: float,
) -> bool:
    """Write the call down, then judge and carry it out. Same errors as `order`."""
    index = len(b.calls)
    if index >= b.max_orders:
        raise OrderLimit(
            f"stopped: {index:,} order calls, the limit for a run of {len(b.times):,} bars"
        )
    b.calls.append(
        (
            b.i, len(b.rows), b.depth, call, given, 0,
            amount, leverage, limit, stop, stop_loss, take_profit,
        )
    )  # fmt: skip
    b.outcomes.append(FILLED)
    b.phases.append(b.phase)
    if call <= SELL:
        if not (
            amount > 0.0
            and given == GIVEN_AMOUNT
            and (leverage == 1.0 or (not b.spot and 1.0 <= leverage <= b.max_leverage))
        ):
            problem = _malformed(b, call, given, amount, leverage, limit, stop, stop_loss,
                                 take_profit)  # fmt: skip
            if problem is not None:
                b.outcomes[index] = MALFORMED
                b.notes[index] = problem
                raise ValidationError(problem)
        if amount < MIN_ORDER_AMOUNT or amount > MAX_ORDER_AMOUNT:
            return reject(b, index, ValidationError, _size_problem(amount))
        side = 1 if call == BUY else -1
        sl = stop_loss if given & GIVEN_STOP_LOSS else None
        tp = take_profit if given & GIVEN_TAKE_PROFIT else None
        if given & (GIVEN_LIMIT | GIVEN_STOP):
            return _rest(b, index, side, amount, leverage, given, limit, stop, sl, tp)
        if b.fills_at_close and b.phase == CLOSE:
            problem = execute(b, index, side, amount, b.price, True, leverage, BY_ORDER, sl, tp)
            if problem is None:
                return True
            return reject(b, index, _refusal(b, side), problem)
        return _enqueue(b, index, (call, index, amount, leverage, sl, tp))
    problem = _malformed(b, call, given, amount, leverage, limit, stop, stop_loss, take_profit)
    if problem is not None:
        b.outcomes[index] = MALFORMED
        b.notes[index] = problem
        raise ValidationError(problem)
    if call == CANCEL:
        return _cancel(b, index)
    entry = (call, index, amount if given else None, leverage, None, None)
    if call in (CLOSE_POSITION, TARGET):
        if b.fills_at_close and b.phase == CLOSE:
            return carry_out(b, entry)
        return _enqueue(b, index, entry)
    # Levels act at once where the strategy sees the account as it is: at the close, and inside
    # the path when on_fill sets them. Under next_open a call from on_data waits its turn.
    if b.fills_at_close or b.phase != CLOSE:
        return carry_out(b, entry)
    return _enqueue(b, index, entry)


def carry_out(b: Broker, entry: tuple[Any, ...]) -> bool:
    """Carry out a market order or level call now, at `b.price`. Returns whether it was taken."""
    call, index, amount, leverage, stop_loss, take_profit = entry
    if call <= SELL:
        side = 1 if call == BUY else -1
        b.outcomes[index] = FILLED  # before on_fill hears of it, which may end the run
        problem = execute(
            b, index, side, amount, b.price, True, leverage, BY_ORDER, stop_loss, take_profit
        )
        if problem is not None:
            return reject(b, index, _refusal(b, side), problem)
        return True
    if call == CLOSE_POSITION:
        if b.size == 0.0:
            b.outcomes[index] = NONE
            return False
        b.outcomes[index] = FILLED
        close(b, index, abs(b.size) * amount / 100.0, b.price, True, BY_ORDER)
        return True
    if call == TARGET:
        return _target(b, index, amount, leverage)
    return _set_level(b, index, call, amount)


def _set_level(b: Broker, index: int, call: int, amount: float | None) -> bool:
    if amount is None:
        current = (
            b.stop_loss if call == SET_STOP
            else b.take_profit if call == SET_TAKE
            else b.trail_distance
        )  # fmt: skip
        if current is None:
            b.outcomes[index] = NONE
            return False
    elif b.size == 0.0:
        return reject(
            b, index, PositionNotFoundError, f"{CALLS[call]} needs a position and none is held"
        )
    if call == SET_STOP:
        b.stop_loss = amount
    elif call == SET_TAKE:
        b.take_profit = amount
    else:
        b.trail_distance = amount
        b.trail_mark = b.price
    b.outcomes[index] = SET
    watch(b)
    return True


def _target(b: Broker, index: int, percent: float, leverage: float) -> bool:
    """Trade to `percent` / 100 x leverage of the portfolio value after this trade's fee.

    With k that factor, s the side, p the fill price, f the fee rate, Q the signed position and
    V the value at the unslipped price, solving q p = k (V + s f p Q - s f p q) for the quantity
    q after the trade gives q = k (V + s f p Q) / (p (1 + s k f)).
    """
    size = b.size
    if percent == 0.0:
        if size == 0.0:
            b.outcomes[index] = NONE
            return True
        b.outcomes[index] = FILLED
        close(b, index, abs(size), b.price, True, BY_ORDER)
        return True
    k = percent / 100.0 * leverage
    value = b.value()
    if k * value == size * b.price:
        b.outcomes[index] = NONE
        return True
    # Which way to trade is judged at the unslipped price; where fee and slippage would turn the
    # difference round, there is nothing to do.
    side = 1 if k * value > size * b.price else -1
    price = slipped(b.price, side, b.slip)
    divisor = 1.0 + side * k * b.fee_rate
    if divisor <= 0.0:
        return reject(
            b, index, ValidationError,
            f"no quantity reaches {percent:g} % at leverage {leverage:g}: "
            "the fee would exceed the value",
        )  # fmt: skip
    wanted = k * (value + side * b.fee_rate * price * size) / (price * divisor)
    difference = side * (wanted - size)
    if difference < MIN_ORDER_AMOUNT:
        b.outcomes[index] = NONE
        return True
    if difference > MAX_ORDER_AMOUNT:
        return reject(b, index, ValidationError, _size_problem(difference))
    quantity = _affordable(b, side, difference, price, leverage)
    if quantity < MIN_ORDER_AMOUNT:
        b.outcomes[index] = NONE
        return True
    b.outcomes[index] = FILLED
    problem = execute(b, index, side, quantity, b.price, True, leverage, BY_ORDER, None, None)
    if problem is not None:
        return reject(b, index, _refusal(b, side), problem)
    return True


def _affordable(b: Broker, side: int, quantity: float, fill: float, leverage: float) -> float:
    """`quantity` with the part that opens cut to what cash can carry."""
    size = b.size
    held = abs(size)
    cost = fill / leverage + fill * b.fee_rate
    if size == 0.0 or (size > 0.0) is (side > 0):
        closing, cash = 0.0, b.cash
    elif quantity <= held:
        return quantity
    else:
        gross = size * (fill - b.entry)
        fee = held * fill * b.fee_rate
        if not b.spot:
            gross = max(gross, -b.margin)
            fee = min(fee, max(0.0, b.cash + b.margin + gross))
        closing, cash = held, b.cash + b.margin + gross - fee
    opening = quantity - closing
    if cash_carries(opening * cost, cash):
        return quantity
    opening = max(0.0, cash) / cost
    return closing + opening if opening >= MIN_ORDER_AMOUNT else closing


def _rest(
    b: Broker, index: int, side: int, amount: float, leverage: float, given: int,
    limit: float, stop: float, stop_loss: float | None, take_profit: float | None,
) -> bool:  # fmt: skip
    if len(b.resting) >= MAX_RESTING_ORDERS:
        return reject(
            b, index, ValidationError, f"{MAX_RESTING_ORDERS:,} orders are resting, the limit"
        )
    is_stop = bool(given & GIVEN_STOP)
    price = stop if is_stop else limit
    b.resting.append(
        RestingOrder(index, b.i, side, amount, leverage, price, is_stop, stop_loss, take_profit)
    )
    b.outcomes[index] = RESTING
    watch(b)
    return True


def _enqueue(b: Broker, index: int, entry: tuple[Any, ...]) -> bool:
    b.outcomes[index] = QUEUED
    if b.fills_at_close:
        b.close_queue.append(entry)
    else:
        b.queue.append(entry)
        watch(b)
    return True


def _cancel(b: Broker, index: int) -> bool:
    if not b.resting:
        b.outcomes[index] = NONE
    for resting in b.resting:
        b.outcomes[resting.index] = CANCELLED
    b.resting.clear()
    b.exposed.clear()
    watch(b)
    return True


def _refusal(b: Broker, side: int) -> type[BacktestError]:
    if b.spot and side < 0 and b.size == 0.0:
        return PositionNotFoundError
    return InsufficientFundsError


def _size_problem(amount: float) -> str:
    if amount < MIN_ORDER_AMOUNT:
        return f"amount {amount:g} is below the smallest order, {MIN_ORDER_AMOUNT:.5f}"
    return f"amount {amount:g} is above the largest order, {MAX_ORDER_AMOUNT:,.0f}"


def _malformed(
    b: Broker, call: int, given: int, amount: float, leverage: float,
    limit: float, stop: float, stop_loss: float, take_profit: float,
) -> str | None:  # fmt: skip
    """What is wrong with the call's form, None when nothing is."""
    if call == CANCEL:
        return None
    name = CALLS[call]
    if call == CLOSE_POSITION:
        if not 0.0 < amount <= 100.0:
            return f"percentage must be above 0 and at most 100; got {amount:g}"
        return None
    if call == TARGET:
        low = 0.0 if b.spot else -100.0
        if not low <= amount <= 100.0:
            return f"percent must be {low:g} to 100; got {amount:g}"
    elif (call <= SELL or given & GIVEN_AMOUNT) and not 0.0 < amount < INF:
        what = "amount" if call <= SELL else "distance" if call == SET_TRAIL else "price"
        return f"{name}: {what} must be a finite number above 0; got {amount:g}"
    if call in (SET_STOP, SET_TAKE, SET_TRAIL):
        return None
    if b.spot:
        if leverage != 1.0:
            return f"{name}: leverage must be 1 in spot; got {leverage:g}"
    elif not 1.0 <= leverage <= b.max_leverage:
        return f"{name}: leverage must be 1 to {b.max_leverage:g}; got {leverage:g}"
    if given & GIVEN_LIMIT and given & GIVEN_STOP:
        return f"{name}: give limit or stop, not both"
    for bit, what, value in (
        (GIVEN_LIMIT, "limit", limit),
        (GIVEN_STOP, "stop", stop),
        (GIVEN_STOP_LOSS, "stop_loss", stop_loss),
        (GIVEN_TAKE_PROFIT, "take_profit", take_profit),
    ):
        if given & bit and not 0.0 < value < INF:
            return f"{name}: {what} must be a finite price above 0; got {value:g}"
    return None
