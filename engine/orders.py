"""One bar from its open to just before `on_data`: funding, the queue, and the price path.

The order of things is the contract's section 4. When a bar could have gone two ways, the one
worse for the holder came first: a long sees the low before the high, a short the high before
the low. A backtest must not dodge a liquidation by assuming the kind path.
"""

from __future__ import annotations

from engine.broker import (
    BY_LIMIT,
    BY_STOP,
    BY_STOP_LOSS,
    BY_TAKE_PROFIT,
    BY_TRAILING,
    CLOSE,
    FILLED,
    INF,
    OPEN,
    PATH,
    Broker,
    reject,
    watch,
)
from engine.errors import InsufficientFundsError, PositionNotFoundError
from engine.fills import close, execute, fold, liquidate, pay_funding
from engine.order_entry import RestingOrder, carry_out

# What a position can run into, in the order in which ties are taken.
LIQUIDATION, STOP_LOSS, TRAILING_STOP, TAKE_PROFIT = range(4)


def step_bar(b: Broker, open_: float, high: float, low: float, close_: float) -> None:
    """Take the account through bar `b.i` up to its close; `on_data` comes next."""
    b.past = 1
    b.phase = OPEN
    b.price = open_
    # A thousand orders may rest: those out of the bar's reach are left aside once, not per fill.
    b.exposed = [order for order in b.resting if order.bar < b.i and _in_reach(order, low, high)]
    queue, b.queue = b.queue, []  # what on_fill adds from here on waits for the next open
    rates = b.settlements.get(b.i)
    if rates is not None and b.size != 0.0:
        for rate in rates:
            pay_funding(b, open_, rate)
        watch(b)
    if b.size != 0.0:
        fold(b, open_)
        if _due(b, open_) == LIQUIDATION:
            liquidate(b, open_)
    for entry in queue:
        b.price = open_
        carry_out(b, entry)
    _walk_open(b, open_)
    b.phase = PATH
    if b.size > 0.0:
        path = (low, high, close_)
    elif b.size < 0.0:
        path = (high, low, close_)
    else:
        path = (high, low, close_) if high - open_ < open_ - low else (low, high, close_)
    price = open_
    for target in path:
        if target < price:
            _walk_down(b, price, target)
        elif target > price:
            _walk_up(b, price, target)
        price = target
        if b.size != 0.0:
            fold(b, price)
            _move_trailing_mark(b, price)
    b.past = 0
    b.phase = CLOSE
    b.price = close_
    if b.close_queue:
        queue, b.close_queue = b.close_queue, []
        for entry in queue:
            carry_out(b, entry)
    watch(b)


def _walk_open(b: Broker, price: float) -> None:
    while True:
        due = _due(b, price)
        if due is not None:
            _fire(b, due, price)
            continue
        for order in b.exposed:
            if _reached(order, price):
                _fill_resting(b, order, price)
                break
        else:
            break
    if b.size != 0.0:
        _move_trailing_mark(b, price)


def _walk_down(b: Broker, price: float, target: float) -> None:
    """Let the price fall from `price` to `target`; take what waits on the way, highest first."""
    while True:
        level = -INF
        due: int | RestingOrder | None = None
        if b.size > 0.0:
            if b.liquidation > level:
                level, due = b.liquidation, LIQUIDATION
            if b.stop_loss is not None and b.stop_loss > level:
                level, due = b.stop_loss, STOP_LOSS
            if b.trail_distance is not None and b.trail_mark - b.trail_distance > level:
                level, due = b.trail_mark - b.trail_distance, TRAILING_STOP
        elif b.size < 0.0 and b.take_profit is not None:
            level, due = b.take_profit, TAKE_PROFIT
        for order in b.exposed:
            if (order.side > 0) is not order.is_stop and order.price > level:
                level, due = order.price, order
        if due is None or level < target:
            return
        price = min(price, level)
        _take(b, due, price)


def _walk_up(b: Broker, price: float, target: float) -> None:
    """Let the price rise from `price` to `target`; take what waits on the way, lowest first."""
    while True:
        level = INF
        due: int | RestingOrder | None = None
        if b.size < 0.0:
            if b.liquidation < level:
                level, due = b.liquidation, LIQUIDATION
            if b.stop_loss is not None and b.stop_loss < level:
                level, due = b.stop_loss, STOP_LOSS
            if b.trail_distance is not None and b.trail_mark + b.trail_distance < level:
                level, due = b.trail_mark + b.trail_distance, TRAILING_STOP
        elif b.size > 0.0 and b.take_profit is not None:
            level, due = b.take_profit, TAKE_PROFIT
        for order in b.exposed:
            if (order.side > 0) is order.is_stop and order.price < level:
                level, due = order.price, order
        if due is None or level > target:
            return
        price = max(price, level)
        _take(b, due, price)


def _take(b: Broker, due: int | RestingOrder, price: float) -> None:
    """Fill what is due at `price`, then whatever that fill put beyond its own level."""
    if isinstance(due, RestingOrder):
        _fill_resting(b, due, price)
    else:
        _fire(b, due, price)
    while (reached := _due(b, price)) is not None:
        _fire(b, reached, price)


def _due(b: Broker, price: float) -> int | None:
    """What of the position's own `price` has reached, first of a tie; touching counts."""
    size = b.size
    if size > 0.0:
        if price <= b.liquidation:
            return LIQUIDATION
        if b.stop_loss is not None and price <= b.stop_loss:
            return STOP_LOSS
        if b.trail_distance is not None and price <= b.trail_mark - b.trail_distance:
            return TRAILING_STOP
        if b.take_profit is not None and price >= b.take_profit:
            return TAKE_PROFIT
    elif size < 0.0:
        if price >= b.liquidation:
            return LIQUIDATION
        if b.stop_loss is not None and price >= b.stop_loss:
            return STOP_LOSS
        if b.trail_distance is not None and price >= b.trail_mark + b.trail_distance:
            return TRAILING_STOP
        if b.take_profit is not None and price <= b.take_profit:
            return TAKE_PROFIT
    return None


def _fire(b: Broker, due: int, price: float) -> None:
    b.price = price
    if due == LIQUIDATION:
        liquidate(b, price)
    elif due == STOP_LOSS:
        close(b, -1, abs(b.size), price, True, BY_STOP_LOSS)
    elif due == TRAILING_STOP:
        close(b, -1, abs(b.size), price, True, BY_TRAILING)
    else:
        close(b, -1, abs(b.size), price, False, BY_TAKE_PROFIT)


def _reached(order: RestingOrder, price: float) -> bool:
    if (order.side > 0) is order.is_stop:
        return price >= order.price
    return price <= order.price


def _in_reach(order: RestingOrder, low: float, high: float) -> bool:
    """Whether a bar's prices get to the order: one that waits below by its low, else its high."""
    if (order.side > 0) is order.is_stop:
        return high >= order.price
    return low <= order.price


def _fill_resting(b: Broker, order: RestingOrder, price: float) -> None:
    b.resting.remove(order)
    b.exposed.remove(order)
    b.price = price
    b.outcomes[order.index] = FILLED
    problem = execute(
        b, order.index, order.side, order.amount, price, order.is_stop, order.leverage,
        BY_STOP if order.is_stop else BY_LIMIT, order.stop_loss, order.take_profit,
    )  # fmt: skip
    if problem is not None:
        nothing_held = b.spot and order.side < 0 and b.size == 0.0
        error = PositionNotFoundError if nothing_held else InsufficientFundsError
        watch(b)
        reject(b, order.index, error, problem)


def _move_trailing_mark(b: Broker, price: float) -> None:
    if b.trail_distance is None:
        return
    if b.size > 0.0:
        b.trail_mark = max(b.trail_mark, price)
    else:
        b.trail_mark = min(b.trail_mark, price)
