"""Order entry: what happens when a strategy calls buy, sell, close_position and the rest.

Every call is written down (the replay's input), judged (malformed, rejected), and then filled
at once, queued for the next open or this close, or left resting. The replay enters the same
calls through `enter`, with the numbers that were written down.
"""

from __future__ import annotations

from typing import Any

from engine.account import codes
from engine.account.broker import Broker, RestingOrder, drop_expired, reject, watch
from engine.account.codes import NAN
from engine.account.costs import slipped
from engine.account.fills import (
    cash_carries,
    close,
    execute,
    set_take_profit,
    set_targets,
    set_trail_stop,
)
from engine.account.order_form import count, flag, malformed, number
from engine.account.order_log import OrderLimit, line_of, number_of, write_down
from engine.account.records import CALLS, Word
from engine.account.words import MAX_TARGETS, targets_of, text_of
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


class OrderTorn(BaseException):
    """Memory ran out in the middle of an order call; the account may be changed by half.

    Not an Exception: a strategy that caught it would go on with an account that no replay of its
    orders has.
    """


def order(
    b: Broker,
    call: int,
    amount: Any,
    leverage: Any = 1.0,
    limit: Any = None,
    stop: Any = None,
    stop_loss: Any = None,
    take_profit: Any = None,
    stop_loss_percent: Any = None,
    take_profit_percent: Any = None,
    tag: Any = None,
    expires: Any = None,
    oco: Any = None,
    reduce_only: Any = False,
    post_only: Any = False,
    trail_percent: Any = None,
) -> bool:
    """Enter an order call as the strategy made it. Returns whether it was taken.

    Raises ValidationError when it is malformed, OrderLimit past the run's number of calls, and
    under strict_orders what a rejection stands for; OrderTorn when memory runs out on the way.
    """
    if b.locked is not None:
        raise StrategyError(b.locked)
    given = codes.GIVEN_AMOUNT
    if amount is None and call >= codes.SET_STOP:
        given, amount = 0, NAN
    limit_price = stop_price = stop_loss_price = take_profit_price = NAN
    tag_word: Word | None = None
    oco_word: Word | None = None
    targets: Word | None = None
    bars = 0
    if limit is not None:
        given |= codes.GIVEN_LIMIT
        limit_price = number(limit)
    if stop is not None:
        given |= codes.GIVEN_STOP
        stop_price = number(stop)
    if stop_loss is not None:
        given |= codes.GIVEN_STOP_LOSS
        stop_loss_price = number(stop_loss)
    elif stop_loss_percent is not None:
        stop_loss_price = number(stop_loss_percent)
    if stop_loss_percent is not None:
        given |= codes.GIVEN_STOP_PERCENT
    if take_profit is not None:
        if isinstance(take_profit, list | tuple):
            given |= codes.GIVEN_TARGETS
            targets = _targets(take_profit)
        else:
            given |= codes.GIVEN_TAKE_PROFIT
            take_profit_price = number(take_profit)
    elif take_profit_percent is not None:
        take_profit_price = number(take_profit_percent)
    if take_profit_percent is not None:
        given |= codes.GIVEN_TAKE_PERCENT
    if call == codes.SET_TAKE and isinstance(amount, list | tuple):
        given, targets, amount = codes.GIVEN_TARGETS, _targets(amount), NAN
    if trail_percent is not None:
        if given == 0:
            amount = trail_percent
        given |= codes.GIVEN_TRAIL_PERCENT
    if tag is not None:
        given |= codes.GIVEN_TAG
        tag_word = text_of(tag)
    if expires is not None:
        given |= codes.GIVEN_EXPIRES
        bars = count(expires)
    if oco is not None:
        given |= codes.GIVEN_OCO
        oco_word = text_of(oco)
    if reduce_only is not False:
        given |= flag(reduce_only, codes.GIVEN_REDUCE_ONLY)
    if post_only is not False:
        given |= flag(post_only, codes.GIVEN_POST_ONLY)
    quantity, lever = number(amount), number(leverage)
    try:
        return enter(
            b, call, given, line_of(b),
            0 if tag_word is None else number_of(b, tag_word),
            0 if oco_word is None else number_of(b, oco_word),
            0 if targets is None else number_of(b, targets),
            bars, quantity, lever, limit_price, stop_price, stop_loss_price, take_profit_price,
        )  # fmt: skip
    except MemoryError:
        raise OrderTorn from None


def enter(
    b: Broker,
    call: int,
    given: int,
    line: int,
    tag: int,
    oco: int,
    targets: int,
    expires: int,
    amount: float,
    leverage: float,
    limit: float,
    stop: float,
    stop_loss: float,
    take_profit: float,
) -> bool:
    """Write the call down, then judge and carry it out. Same errors as `order`."""
    if b.calls.count - b.word_rows >= b.max_orders:
        raise OrderLimit(
            f"stopped: {b.max_orders:,} order calls, the limit for a run of {len(b.times):,} bars"
        )
    index = write_down(
        b, call, given, line, tag, oco, targets, expires, amount, leverage, limit, stop,
        stop_loss, take_profit,
    )  # fmt: skip
    if call <= codes.SELL:
        if not (
            amount > 0.0
            and given == codes.GIVEN_AMOUNT
            and (leverage == 1.0 or (not b.spot and 1.0 <= leverage <= b.max_leverage))
        ):
            problem = malformed(b, index)
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
            return _rest(b, index, side, amount, leverage, given, expires)
        if b.fills_at_close and b.phase == codes.CLOSE:
            problem = execute(
                b, index, side, amount, b.price, slipped(b.price, side, b.slip), leverage,
                codes.BY_ORDER, False,
            )  # fmt: skip
            if problem is None:
                return True
            return reject(b, index, _refusal(b, side), problem)
        return _enqueue(b, call, index, amount, leverage)
    problem = malformed(b, index)
    if problem is not None:
        b.outcomes[index] = codes.MALFORMED
        b.notes[index] = problem
        raise ValidationError(problem)
    if call == codes.CANCEL:
        return _cancel(b, index, tag)
    if call == codes.CLOSE_POSITION or call == codes.TARGET:
        at_once = b.fills_at_close and b.phase == codes.CLOSE
    else:
        # Levels act at once where the strategy sees the account as it is: at the close, and inside
        # the path when on_fill sets them. Under next_open a call from on_data waits its turn.
        at_once = b.fills_at_close or b.phase != codes.CLOSE
    if at_once:
        return carry_out(b, call, index, amount, leverage)
    return _enqueue(b, call, index, amount, leverage)


def take_turn(b: Broker, queued: tuple[Any, ...], price: float) -> None:
    """Carry out a queued call (the arguments of `carry_out`) at the unslipped `price`."""
    call, index, amount, leverage = queued
    b.price = price
    carry_out(b, call, index, amount, leverage)


def carry_out(b: Broker, call: int, index: int, amount: float, leverage: float) -> bool:
    """Carry out a market order or level call now, at `b.price`. Returns whether it was taken."""
    if call <= codes.SELL:
        side = 1 if call == codes.BUY else -1
        b.outcomes[index] = codes.FILLED  # before on_fill hears of it, which may end the run
        problem = execute(
            b, index, side, amount, b.price, slipped(b.price, side, b.slip), leverage,
            codes.BY_ORDER, False,
        )  # fmt: skip
        if problem is not None:
            return reject(b, index, _refusal(b, side), problem)
        return True
    if call == codes.CLOSE_POSITION:
        if b.size == 0.0:
            b.outcomes[index] = codes.NONE
            return False
        b.outcomes[index] = codes.FILLED
        close(b, index, abs(b.size) * amount / 100.0, b.price, True, codes.BY_ORDER, False)
        return True
    if call == codes.TARGET:
        return _target(b, index, amount, leverage)
    return _set_level(b, index, call, amount)


def _set_level(b: Broker, index: int, call: int, amount: float) -> bool:
    """Put the level to `amount` or a list, or take it off where neither is given."""
    given = int(b.calls.cells[index, codes.IN_GIVEN])
    if given == 0:
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
    elif given & codes.GIVEN_TARGETS:
        word = b.words[int(b.calls.cells[index, codes.IN_TARGETS])]
        set_targets(b, word, b.price)  # type: ignore[arg-type]
    elif call == codes.SET_TAKE:
        set_take_profit(b, amount, b.price)
    else:
        b.trail_distance = amount
        b.trail_is_percent = (given & codes.GIVEN_TRAIL_PERCENT) != 0
        b.trail_mark = b.price
        set_trail_stop(b)
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
        close(b, index, abs(size), b.price, True, codes.BY_ORDER, False)
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
    problem = execute(b, index, side, quantity, b.price, price, leverage, codes.BY_ORDER, False)
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
    b: Broker, index: int, side: int, amount: float, leverage: float, given: int, expires: int
) -> bool:
    drop_expired(b)
    if len(b.resting) >= MAX_RESTING_ORDERS:
        return reject(
            b,
            index,
            ValidationError,
            f"{MAX_RESTING_ORDERS:,} orders are resting, the limit; cancel_orders drops them",
        )
    cells = b.calls.cells
    is_stop = (given & codes.GIVEN_STOP) != 0
    price = cells[index, codes.IN_STOP] if is_stop else cells[index, codes.IN_LIMIT]
    resting = RestingOrder(index, b.i, side, amount, leverage, price, is_stop)
    if is_stop:
        resting.limit = cells[index, codes.IN_LIMIT]
    if given >= codes.GIVEN_OCO:
        resting.oco = int(cells[index, codes.IN_OCO])
        resting.reduce_only = (given & codes.GIVEN_REDUCE_ONLY) != 0
        resting.post_only = (given & codes.GIVEN_POST_ONLY) != 0
        if expires > 0:
            resting.last = b.i + expires
            b.next_expiry = min(b.next_expiry, resting.last)
    b.resting.append(resting)
    b.outcomes[index] = codes.RESTING
    watch(b)
    return True


def _enqueue(b: Broker, call: int, index: int, amount: float, leverage: float) -> bool:
    b.outcomes[index] = codes.QUEUED
    queued = (call, index, amount, leverage)
    if b.fills_at_close:
        b.close_queue.append(queued)
    else:
        b.queue.append(queued)
        watch(b)
    return True


def _cancel(b: Broker, index: int, tag: int) -> bool:
    """Drop the resting orders, with a tag those that carry it."""
    drop_expired(b)
    cells = b.calls.cells
    left: list[RestingOrder] = []
    for resting in b.resting:
        if tag and int(cells[resting.index, codes.IN_TAG]) != tag:
            left.append(resting)
        else:
            b.outcomes[resting.index] = codes.CANCELLED
    if len(left) == len(b.resting):
        b.outcomes[index] = codes.NONE
    b.exposed = [order for order in b.exposed if b.outcomes[order.index] == codes.RESTING]
    b.resting = left
    watch(b)
    return True


def _targets(pairs: Any) -> Word | None:
    """A list of take profits as the strategy gave it, None when it is malformed."""
    read: list[tuple[float, float]] = []
    for pair in pairs[: MAX_TARGETS + 1]:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            return None
        read.append((number(pair[0]), number(pair[1])))
    return targets_of(read)


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
