"""One bar from its open to just before `on_data`: funding, the queue, and the price path.

The order of things is the contract's section 4. When a bar could have gone two ways, the one
worse for the holder came first: a long sees the low before the high, a short the high before
the low. A backtest must not dodge a liquidation by assuming the kind path.
"""

from __future__ import annotations

from engine.account import codes
from engine.account.broker import (
    Broker,
    RestingOrder,
    drop_expired,
    reject,
    waits_below,
    watch,
)
from engine.account.codes import INF
from engine.account.costs import slipped
from engine.account.fills import (
    close,
    execute,
    fold,
    liquidate,
    next_target,
    pay_funding,
    set_trail_stop,
)
from engine.account.order_entry import take_turn
from engine.errors import (
    InsufficientFundsError,
    PositionNotFoundError,
    ValidationError,
    told,
)


def step_bar(b: Broker, open_: float, high: float, low: float, close_: float) -> None:
    """Take the account through bar `b.i` up to its close; `on_data` comes next."""
    b.past = 1
    b.phase = codes.OPEN
    b.price = open_
    drop_expired(b)
    _expose(b, low, high)
    queue, b.queue = b.queue, []  # what on_fill adds from here on waits for the next open
    if b.size != 0.0:
        rates = b.settlements.get(b.i)
        if rates is not None:
            for rate in rates:
                pay_funding(b, open_, rate)
            watch(b)
        fold(b, open_)
        if _due(b, open_) == codes.LIQUIDATION:
            liquidate(b, open_)
    for queued in queue:
        take_turn(b, queued, open_)
    _walk_open(b, open_)
    b.phase = codes.PATH
    # The worse extreme first for whoever holds, the nearer one when nobody does.
    if b.size == 0.0:
        low_first = high - open_ >= open_ - low
    else:
        low_first = b.size > 0.0
    if low_first:
        _walk(b, open_, low)
        _walk(b, low, high)
        _walk(b, high, close_)
    else:
        _walk(b, open_, high)
        _walk(b, high, low)
        _walk(b, low, close_)
    b.past = 0
    drop_expired(b)
    b.phase = codes.CLOSE
    b.price = close_
    if b.close_queue:
        queue, b.close_queue = b.close_queue, []
        for queued in queue:
            take_turn(b, queued, close_)
    watch(b)


def _expose(b: Broker, low: float, high: float) -> None:
    """Set aside, once and not per fill, the resting orders that a bar can reach: of a thousand few.

    An order given in this bar is first exposed in the next.
    """
    b.exposed = []
    for order in b.resting:
        if order.bar < b.i and (low <= order.price if waits_below(order) else high >= order.price):
            b.exposed.append(order)


def close_at_end(b: Broker, price: float) -> None:
    """After the last bar: close the position at its close `price`, drop the resting orders.

    No hook hears of it: nothing that could be answered would count any more.
    """
    drop_expired(b)
    for order in b.resting:
        b.outcomes[order.index] = codes.DROPPED
    b.resting = []
    b.hook = None
    b.price = price
    if b.size != 0.0:
        close(b, -1, abs(b.size), price, True, codes.BY_END, False)


def _walk_open(b: Broker, price: float) -> None:
    """Take everything that the open has reached, each looked at again after the one before."""
    while True:
        due = _due(b, price)
        if due != codes.NOTHING:
            _fire(b, due, price)
            continue
        reached: RestingOrder | None = None
        for order in b.exposed:
            if price <= order.price if waits_below(order) else price >= order.price:
                reached = order
                break
        if reached is None:
            break
        _reach(b, reached, price)
    if b.size != 0.0:
        _move_trailing_mark(b, price)


def _walk(b: Broker, price: float, target: float) -> None:
    """Let the price go from `price` to `target`."""
    if target < price:
        _walk_down(b, price, target)
    elif target > price:
        _walk_up(b, price, target)
    if b.size != 0.0:
        fold(b, target)
        _move_trailing_mark(b, target)


def _walk_down(b: Broker, price: float, target: float) -> None:
    """Let the price fall from `price` to `target`; take what waits on the way, highest first."""
    while True:
        level = -INF
        due = codes.NOTHING
        waiting: RestingOrder | None = None
        if b.size > 0.0:
            if b.liquidation > level:
                level, due = b.liquidation, codes.LIQUIDATION
            if b.stop_loss > level:
                level, due = b.stop_loss, codes.STOP_LOSS
            if b.trail_stop > level:
                level, due = b.trail_stop, codes.TRAILING_STOP
        elif b.size < 0.0 and b.take_profit > 0.0:
            level, due = b.take_profit, codes.TAKE_PROFIT
        for order in b.exposed:
            if waits_below(order) and order.price > level:
                level, due, waiting = order.price, codes.RESTING_ORDER, order
        if due == codes.NOTHING or level < target:
            return
        price = min(price, level)
        _take(b, due, waiting, price)


def _walk_up(b: Broker, price: float, target: float) -> None:
    """Let the price rise from `price` to `target`; take what waits on the way, lowest first."""
    while True:
        level = INF
        due = codes.NOTHING
        waiting: RestingOrder | None = None
        if b.size < 0.0:
            if b.liquidation < level:
                level, due = b.liquidation, codes.LIQUIDATION
            if b.stop_loss < level:
                level, due = b.stop_loss, codes.STOP_LOSS
            if b.trail_stop < level:
                level, due = b.trail_stop, codes.TRAILING_STOP
        elif b.size > 0.0 and b.take_profit > 0.0:
            level, due = b.take_profit, codes.TAKE_PROFIT
        for order in b.exposed:
            if not waits_below(order) and order.price < level:
                level, due, waiting = order.price, codes.RESTING_ORDER, order
        if due == codes.NOTHING or level > target:
            return
        price = max(price, level)
        _take(b, due, waiting, price)


def _take(b: Broker, due: int, waiting: RestingOrder | None, price: float) -> None:
    """Fill what is due at `price`, then whatever that fill put beyond its own level."""
    if waiting is not None:
        _reach(b, waiting, price)
    else:
        _fire(b, due, price)
    due = _due(b, price)
    while due != codes.NOTHING:
        _fire(b, due, price)
        due = _due(b, price)


def _due(b: Broker, price: float) -> int:
    """What of the position's own `price` has reached, first of a tie; touching counts."""
    size = b.size
    if size > 0.0:
        if price <= b.liquidation:
            return codes.LIQUIDATION
        if price <= b.stop_loss:
            return codes.STOP_LOSS
        if price <= b.trail_stop:
            return codes.TRAILING_STOP
        if price >= b.take_profit:
            return codes.TAKE_PROFIT
    elif size < 0.0:
        if price >= b.liquidation:
            return codes.LIQUIDATION
        if price >= b.stop_loss:
            return codes.STOP_LOSS
        if price >= b.trail_stop:
            return codes.TRAILING_STOP
        if price <= b.take_profit:
            return codes.TAKE_PROFIT
    return codes.NOTHING


def _fire(b: Broker, due: int, price: float) -> None:
    b.price = price
    if due == codes.LIQUIDATION:
        liquidate(b, price)
    elif due == codes.STOP_LOSS:
        close(b, -1, abs(b.size), price, True, codes.BY_STOP_LOSS, False)
    elif due == codes.TRAILING_STOP:
        close(b, -1, abs(b.size), price, True, codes.BY_TRAILING, False)
    else:
        maker = b.phase == codes.PATH and not b.take_at_once
        close(b, -1, next_target(b), price, False, codes.BY_TAKE_PROFIT, maker)


def _reach(b: Broker, order: RestingOrder, price: float) -> None:
    """The price has reached a resting order: fill it, or begin to wait for a stop-limit's limit."""
    if order.post_only and b.phase == codes.OPEN and b.i == order.bar + 1:
        _remove(b, order)
        reject(
            b, order.index, ValidationError,
            f"post_only: the open {told(price)} would have filled it at once; only an order that "
            "waits in the book pays the maker's fee",
        )  # fmt: skip
        return
    buys = order.side > 0
    if not order.is_stop:
        _fill_resting(b, order, price, price, codes.BY_LIMIT, b.phase == codes.PATH)
    elif order.limit != order.limit:
        fill = slipped(price, order.side, b.slip)
        _fill_resting(b, order, price, fill, codes.BY_STOP, False)
    elif price <= order.limit if buys else price >= order.limit:
        # It takes slippage as a stop does, but no limit order fills beyond its limit.
        fill = slipped(price, order.side, b.slip)
        fill = min(fill, order.limit) if buys else max(fill, order.limit)
        _fill_resting(b, order, price, fill, codes.BY_LIMIT, False)
    else:
        order.price = order.limit
        order.is_stop = False
        order.triggered = True


def _fill_resting(
    b: Broker, order: RestingOrder, price: float, fill: float, reason: int, maker: bool
) -> None:
    _remove(b, order)
    b.price = price
    amount = order.amount
    if order.reduce_only:
        if b.size * order.side >= 0.0:
            b.outcomes[order.index] = codes.NONE
            watch(b)
            return
        amount = min(amount, abs(b.size))
    b.outcomes[order.index] = codes.FILLED
    problem = execute(
        b, order.index, order.side, amount, price, fill, order.leverage, reason, maker
    )
    if problem is not None:
        nothing_held = b.spot and order.side < 0 and b.size == 0.0
        error = PositionNotFoundError if nothing_held else InsufficientFundsError
        watch(b)
        reject(b, order.index, error, problem)


def _remove(b: Broker, order: RestingOrder) -> None:
    b.resting.remove(order)
    b.exposed.remove(order)


def _move_trailing_mark(b: Broker, price: float) -> None:
    if b.trail_distance > 0.0:
        if b.size > 0.0:
            b.trail_mark = max(b.trail_mark, price)
        else:
            b.trail_mark = min(b.trail_mark, price)
        set_trail_stop(b)
