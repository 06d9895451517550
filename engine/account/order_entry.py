"""Order entry: what happens when a strategy calls buy, sell, close_position and the rest.

Every call is written down (the replay's input), judged (malformed, rejected), and then filled
at once, queued for the next open or this close, or left resting. The replay enters the same
calls through `enter`, with the numbers that were written down.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.account import codes
from engine.account.broker import Broker, RestingOrder, reject, watch
from engine.account.codes import INF, NAN
from engine.account.costs import slipped
from engine.account.fills import cash_carries, close, execute
from engine.account.records import CALLS
from engine.config import (
    MAX_ORDER_AMOUNT,
    MAX_ORDER_NOTIONAL,
    MAX_RESTING_ORDERS,
    MIN_ORDER_AMOUNT,
)
from engine.errors import (
    BacktestError,
    InsufficientFundsError,
    PositionNotFoundError,
    StrategyError,
    ValidationError,
    told,
)

# A target that differs from what is held by less than this is met: the rest is rounding.
TARGET_TOLERANCE = 1e-12


class OrderLimit(StrategyError):
    """The strategy made more order calls than a run of its length may."""


class OrderTorn(BaseException):
    """Memory ran out in the middle of an order call; the account may be changed by half.

    Not an Exception: a strategy that caught it would go on with an account that no replay of its
    orders has.
    """


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
    return converted if converted - converted == 0.0 else NAN  # infinity minus itself is NaN


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
    under strict_orders what a rejection stands for; OrderTorn when memory runs out on the way.
    """
    if b.locked is not None:
        raise StrategyError(b.locked)
    given = codes.GIVEN_AMOUNT
    if amount is None and call in (codes.SET_STOP, codes.SET_TAKE, codes.SET_TRAIL, codes.CANCEL):
        given, amount = 0, NAN
    limit_price = stop_price = stop_loss_price = take_profit_price = NAN
    if limit is not None:
        given |= codes.GIVEN_LIMIT
        limit_price = number(limit)
    if stop is not None:
        given |= codes.GIVEN_STOP
        stop_price = number(stop)
    if stop_loss is not None:
        given |= codes.GIVEN_STOP_LOSS
        stop_loss_price = number(stop_loss)
    if take_profit is not None:
        given |= codes.GIVEN_TAKE_PROFIT
        take_profit_price = number(take_profit)
    try:
        return enter(
            b, call, given, number(amount), number(leverage),
            limit_price, stop_price, stop_loss_price, take_profit_price,
        )  # fmt: skip
    except MemoryError:
        raise OrderTorn from None


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
    index = b.calls.count
    if index >= b.max_orders:
        raise OrderLimit(
            f"stopped: {index:,} order calls, the limit for a run of {len(b.times):,} bars"
        )
    # Outcomes and phases first: the compiled core writes to them by `index` unchecked, so a call
    # that runs out of memory here may leave one too many behind, never one too few.
    if len(b.outcomes) != index:
        del b.outcomes[index:], b.phases[index:]
    b.outcomes.append(codes.FILLED)
    b.phases.append(b.phase)
    calls = b.calls
    calls.add()
    cells = calls.cells  # the fields of ORDER_DTYPE
    cells[index, 0] = b.i
    cells[index, 1] = b.rows.count
    cells[index, 2] = b.depth
    cells[index, 3] = call
    cells[index, 4] = given
    cells[index, 5] = 0.0
    cells[index, 6] = amount
    cells[index, 7] = leverage
    cells[index, 8] = limit
    cells[index, 9] = stop
    cells[index, 10] = stop_loss
    cells[index, 11] = take_profit
    if call <= codes.SELL:
        if not (
            amount > 0.0
            and given == codes.GIVEN_AMOUNT
            and (leverage == 1.0 or (not b.spot and 1.0 <= leverage <= b.max_leverage))
        ):
            problem = _malformed(b, call, given, amount, leverage, limit, stop, stop_loss,
                                 take_profit)  # fmt: skip
            if problem is not None:
                b.outcomes[index] = codes.MALFORMED
                b.notes[index] = problem
                raise ValidationError(problem)
        price = b.price
        if given != codes.GIVEN_AMOUNT:
            price = (
                limit if given & codes.GIVEN_LIMIT else stop if given & codes.GIVEN_STOP else price
            )
        if (
            amount < MIN_ORDER_AMOUNT
            or amount > MAX_ORDER_AMOUNT
            or amount * price > MAX_ORDER_NOTIONAL
        ):
            return reject(b, index, ValidationError, _size_problem(amount, price))
        side = 1 if call == codes.BUY else -1
        if given & (codes.GIVEN_LIMIT | codes.GIVEN_STOP):
            return _rest(
                b, index, side, amount, leverage, given, limit, stop, stop_loss, take_profit
            )
        if b.fills_at_close and b.phase == codes.CLOSE:
            problem = execute(
                b, index, side, amount, b.price, True, leverage, codes.BY_ORDER,
                stop_loss, take_profit,
            )  # fmt: skip
            if problem is None:
                return True
            return reject(b, index, _refusal(b, side), problem)
        return _enqueue(b, call, index, amount, leverage, stop_loss, take_profit)
    problem = _malformed(b, call, given, amount, leverage, limit, stop, stop_loss, take_profit)
    if problem is not None:
        b.outcomes[index] = codes.MALFORMED
        b.notes[index] = problem
        raise ValidationError(problem)
    if call == codes.CANCEL:
        return _cancel(b, index)
    if call == codes.CLOSE_POSITION or call == codes.TARGET:
        at_once = b.fills_at_close and b.phase == codes.CLOSE
    else:
        # Levels act at once where the strategy sees the account as it is: at the close, and inside
        # the path when on_fill sets them. Under next_open a call from on_data waits its turn.
        at_once = b.fills_at_close or b.phase != codes.CLOSE
    if at_once:
        return carry_out(b, call, index, amount, leverage, NAN, NAN)
    return _enqueue(b, call, index, amount, leverage, NAN, NAN)


def take_turn(b: Broker, queued: tuple[Any, ...], price: float) -> None:
    """Carry out a queued call (the arguments of `carry_out`) at the unslipped `price`."""
    call, index, amount, leverage, stop_loss, take_profit = queued
    b.price = price
    carry_out(b, call, index, amount, leverage, stop_loss, take_profit)


def carry_out(
    b: Broker,
    call: int,
    index: int,
    amount: float,
    leverage: float,
    stop_loss: float,
    take_profit: float,
) -> bool:
    """Carry out a market order or level call now, at `b.price`. Returns whether it was taken."""
    if call <= codes.SELL:
        side = 1 if call == codes.BUY else -1
        b.outcomes[index] = codes.FILLED  # before on_fill hears of it, which may end the run
        problem = execute(
            b, index, side, amount, b.price, True, leverage, codes.BY_ORDER, stop_loss, take_profit
        )
        if problem is not None:
            return reject(b, index, _refusal(b, side), problem)
        return True
    if call == codes.CLOSE_POSITION:
        if b.size == 0.0:
            b.outcomes[index] = codes.NONE
            return False
        b.outcomes[index] = codes.FILLED
        close(b, index, abs(b.size) * amount / 100.0, b.price, True, codes.BY_ORDER)
        return True
    if call == codes.TARGET:
        return _target(b, index, amount, leverage)
    return _set_level(b, index, call, amount)


def _set_level(b: Broker, index: int, call: int, amount: float) -> bool:
    """Put the level to `amount`, or take it off where that is NaN."""
    if amount != amount:
        current = (
            b.stop_loss if call == codes.SET_STOP
            else b.take_profit if call == codes.SET_TAKE
            else b.trail_distance
        )  # fmt: skip
        if current != current:
            b.outcomes[index] = codes.NONE
            return False
    elif b.size == 0.0:
        return reject(
            b,
            index,
            PositionNotFoundError,
            f"{CALLS[call]} needs a position and none is held; an order can bring its levels "
            "along (stop_loss=, take_profit=), and on_fill is called once it has filled",
        )
    if call == codes.SET_STOP:
        b.stop_loss = amount
    elif call == codes.SET_TAKE:
        b.take_profit = amount
    else:
        b.trail_distance = amount
        b.trail_mark = b.price
    b.outcomes[index] = codes.SET
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
            b.outcomes[index] = codes.NONE
            return True
        b.outcomes[index] = codes.FILLED
        close(b, index, abs(size), b.price, True, codes.BY_ORDER)
        return True
    k = percent / 100.0 * leverage
    value = b.value()
    if abs(k * value - size * b.price) <= TARGET_TOLERANCE * abs(size * b.price):
        b.outcomes[index] = codes.NONE
        return True
    # Which way to trade is judged at the unslipped price; where fee and slippage would turn the
    # difference round, there is nothing to do.
    side = 1 if k * value > size * b.price else -1
    price = slipped(b.price, side, b.slip)
    divisor = 1.0 + side * k * b.fee_rate
    if divisor <= 0.0:
        return reject(
            b, index, ValidationError,
            f"no quantity reaches {told(percent)} % at leverage {told(leverage)}: "
            "the fee would exceed the value",
        )  # fmt: skip
    wanted = k * (value + side * b.fee_rate * price * size) / (price * divisor)
    difference = side * (wanted - size)
    if difference > MAX_ORDER_AMOUNT or difference * b.price > MAX_ORDER_NOTIONAL:
        return reject(b, index, ValidationError, _size_problem(difference, b.price))
    quantity = _affordable(b, side, difference, price, leverage)
    if quantity < MIN_ORDER_AMOUNT:
        b.outcomes[index] = codes.NONE
        return True
    b.outcomes[index] = codes.FILLED
    problem = execute(b, index, side, quantity, b.price, True, leverage, codes.BY_ORDER, NAN, NAN)
    if problem is not None:
        return reject(b, index, _refusal(b, side), problem)
    return True


def _affordable(b: Broker, side: int, quantity: float, fill: float, leverage: float) -> float:
    """`quantity` with the part that opens cut to what cash can carry."""
    size = b.size
    held = abs(size)
    cost = fill / leverage + fill * b.fee_rate
    if size == 0.0 or (size > 0.0) == (side > 0):
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
    opening = cash / cost
    return closing + opening if opening >= MIN_ORDER_AMOUNT else closing


def _rest(
    b: Broker, index: int, side: int, amount: float, leverage: float, given: int,
    limit: float, stop: float, stop_loss: float, take_profit: float,
) -> bool:  # fmt: skip
    if len(b.resting) >= MAX_RESTING_ORDERS:
        return reject(
            b,
            index,
            ValidationError,
            f"{MAX_RESTING_ORDERS:,} orders are resting, the limit; cancel_orders drops them",
        )
    is_stop = (given & codes.GIVEN_STOP) != 0
    price = stop if is_stop else limit
    b.resting.append(
        RestingOrder(index, b.i, side, amount, leverage, price, is_stop, stop_loss, take_profit)
    )
    b.outcomes[index] = codes.RESTING
    watch(b)
    return True


def _enqueue(
    b: Broker, call: int, index: int, amount: float, leverage: float,
    stop_loss: float, take_profit: float,
) -> bool:  # fmt: skip
    b.outcomes[index] = codes.QUEUED
    queued = (call, index, amount, leverage, stop_loss, take_profit)
    if b.fills_at_close:
        b.close_queue.append(queued)
    else:
        b.queue.append(queued)
        watch(b)
    return True


def _cancel(b: Broker, index: int) -> bool:
    if not b.resting:
        b.outcomes[index] = codes.NONE
    for resting in b.resting:
        b.outcomes[resting.index] = codes.CANCELLED
    b.resting.clear()
    b.exposed.clear()
    watch(b)
    return True


def _refusal(b: Broker, side: int) -> type[BacktestError]:
    if b.spot and side < 0 and b.size == 0.0:
        return PositionNotFoundError
    return InsufficientFundsError


def _size_problem(amount: float, price: float) -> str:
    if amount < MIN_ORDER_AMOUNT:
        return f"amount {told(amount)} is below the smallest order, {MIN_ORDER_AMOUNT:.5f}"
    if amount > MAX_ORDER_AMOUNT:
        return f"amount {told(amount)} is above the largest order, {MAX_ORDER_AMOUNT:,.0f}"
    return (
        f"notional {told(amount * price)} (amount {told(amount)} x price {told(price)}) is above "
        f"the largest order, {MAX_ORDER_NOTIONAL:,.0f}"
    )


def _malformed(
    b: Broker, call: int, given: int, amount: float, leverage: float,
    limit: float, stop: float, stop_loss: float, take_profit: float,
) -> str | None:  # fmt: skip
    """What is wrong with the call's form, None when nothing is."""
    if call == codes.CANCEL:
        return None
    name = CALLS[call]
    if call == codes.CLOSE_POSITION:
        if not 0.0 < amount <= 100.0:
            return f"percentage must be above 0 and at most 100; got {_given(amount)}"
        return None
    if call == codes.TARGET:
        low = 0.0 if b.spot else -100.0
        if not low <= amount <= 100.0:
            return f"percent must be {told(low)} to 100; got {_given(amount)}"
    elif (call <= codes.SELL or given & codes.GIVEN_AMOUNT) and not 0.0 < amount < INF:
        what = (
            "amount" if call <= codes.SELL else "distance" if call == codes.SET_TRAIL else "price"
        )
        return f"{name}: {what} must be a finite number above 0; got {_given(amount)}"
    if call in (codes.SET_STOP, codes.SET_TAKE, codes.SET_TRAIL):
        return None
    if b.spot:
        if leverage != 1.0:
            return f"{name}: leverage must be 1 in spot; got {_given(leverage)}"
    elif not 1.0 <= leverage <= b.max_leverage:
        return f"{name}: leverage must be 1 to {told(b.max_leverage)}; got {_given(leverage)}"
    if given & codes.GIVEN_LIMIT and given & codes.GIVEN_STOP:
        return f"{name}: give limit or stop, not both"
    for bit, what, value in (
        (codes.GIVEN_LIMIT, "limit", limit),
        (codes.GIVEN_STOP, "stop", stop),
        (codes.GIVEN_STOP_LOSS, "stop_loss", stop_loss),
        (codes.GIVEN_TAKE_PROFIT, "take_profit", take_profit),
    ):
        if given & bit and not 0.0 < value < INF:
            return f"{name}: {what} must be a finite price above 0; got {_given(value)}"
    return None


def _given(value: float) -> str:
    """How a message names a malformed number; `number` has made NaN of all that is none."""
    if value != value:
        return "no finite number (a text, a bool, None, NaN or an infinity)"
    return told(value)
