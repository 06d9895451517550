"""The broker: the state of one account, its orders, its levels and its records.

Plain functions over the scalars of one `Broker`. The bar loop, the replay and the tests run this
same source; nothing here knows of strategies, files or processes. `engine.account.fills` changes
the account, `engine.account.order_entry` takes the strategy's calls, `engine.account.price_path`
walks a bar's path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from engine.account import codes
from engine.account.codes import INF, NAN
from engine.account.costs import settlement_bars
from engine.account.growing_table import Table
from engine.account.margin import leverage_of
from engine.account.records import (
    MAX_LISTED_REJECTIONS,
    ORDER_DTYPE,
    STATE_DTYPE,
    TRADE_DTYPE,
    Word,
)
from engine.bars import Bars, Funding
from engine.config import MAX_ACCOUNT_NUMBER, BacktestConfig
from engine.enums import FillRule, TradingMode
from engine.errors import BacktestError, CalculationError, told
from engine.uncopied import refuse_copy

NEVER = 2**62  # a bar that never comes


class Broker:
    """The scalars of one account over one series of bars. Changed only by this package.

    `low_watch` and `high_watch` are sentinels: while a bar's low stays above the one and its
    high below the other, nothing can happen inside the bar and it need not be walked.
    """

    __slots__ = (
        "calls",
        "cash",
        "close_queue",
        "depth",
        "entry",
        "entry_fees",
        "exposed",
        "fee_rate",
        "fills_at_close",
        "funding_paid",
        "held_funding",
        "high_watch",
        "hook",
        "i",
        "initial_capital",
        "liquidation",
        "locked",
        "low_watch",
        "maker_fee_rate",
        "margin",
        "max_leverage",
        "max_orders",
        "mmr",
        "next_expiry",
        "notes",
        "open_bar",
        "opened",
        "outcomes",
        "past",
        "phase",
        "phases",
        "price",
        "queue",
        "realized",
        "rejected_count",
        "rejected_first",
        "resting",
        "rows",
        "seen_high",
        "seen_low",
        "settlements",
        "size",
        "slip",
        "source_file",
        "spot",
        "states",
        "stop_loss",
        "strict",
        "take_at_once",
        "take_profit",
        "targets",
        "times",
        "trail_distance",
        "trail_is_percent",
        "trail_mark",
        "trail_stop",
        "word_numbers",
        "word_rows",
        "words",
    )

    def __init__(
        self, config: BacktestConfig, bars: Bars, funding: Funding, max_orders: int
    ) -> None:
        self.initial_capital = config.initial_capital
        self.cash = config.initial_capital
        self.size = 0.0
        self.entry = 0.0
        self.margin = 0.0
        self.entry_fees = 0.0
        self.realized = 0.0
        self.funding_paid = 0.0
        self.held_funding = 0.0
        self.open_bar = -1
        self.opened = -1
        self.seen_low = INF
        self.seen_high = -INF
        self.liquidation = INF
        # Levels are NaN when there is none: no price reaches NaN.
        self.stop_loss = NAN
        self.take_profit = NAN
        # What is left of a list of take profits, nearest first: price, quantity, whether the price
        # stood there already when it was set. `take_profit` is then the first one's price.
        self.targets: list[tuple[float, float, bool]] = []
        self.take_at_once = False
        # A distance, or a percentage of the mark; `trail_stop` is the price that they come to.
        self.trail_distance = NAN
        self.trail_is_percent = False
        self.trail_mark = 0.0
        self.trail_stop = NAN
        self.low_watch = -INF
        self.high_watch = INF
        self.spot = config.trading_mode is TradingMode.SPOT
        self.fee_rate = config.fee_rate
        self.maker_fee_rate = config.maker_fee_rate
        self.slip = config.slippage_bps / 10_000.0
        self.mmr = config.maintenance_margin_rate
        self.max_leverage = config.max_leverage
        self.fills_at_close = config.fill is FillRule.CLOSE
        self.strict = config.strict_orders
        self.max_orders = max_orders
        # Why no orders are taken now, None when they are.
        self.locked: str | None = None
        self.i = -1
        self.past = 0
        self.phase = codes.CLOSE
        self.price = NAN
        self.depth = 0
        # Called after rows were written, with the index of the first new one.
        self.hook: Callable[[int], None] | None = None
        self.queue: list[tuple[Any, ...]] = []
        self.close_queue: list[tuple[Any, ...]] = []
        self.resting: list[RestingOrder] = []
        self.next_expiry = NEVER  # the first bar that is the last one of a resting order
        # Those of them that the bar being walked can reach.
        self.exposed: list[RestingOrder] = []
        self.calls = Table(ORDER_DTYPE)
        # Texts and lists of the calls by number, numbers by word, and how many rows spell them.
        self.words: list[Word] = [""]
        self.word_numbers: dict[Word, int] = {}
        self.word_rows = 0
        self.source_file: str | None = None  # of the strategy, whose lines are written down
        self.outcomes = bytearray()
        self.phases = bytearray()
        self.notes: dict[int, str] = {}
        self.rows = Table(TRADE_DTYPE)
        self.states = Table(STATE_DTYPE)
        self.rejected_count = 0
        self.rejected_first: list[tuple[int, int, float, str]] = []
        self.times = bars.timestamp.data
        self.settlements: dict[int, list[float]] = {}
        if len(funding.timestamp) and config.funding:
            indices = settlement_bars(bars, funding).tolist()
            for index, rate in zip(indices, funding.rate.tolist(), strict=True):
                if index < len(bars):
                    self.settlements.setdefault(index, []).append(rate)

    def __reduce__(self) -> NoReturn:
        refuse_copy(self)

    # --- what the account is worth -----------------------------------------------------------
    def unrealized(self) -> float:
        return self.size * (self.price - self.entry)

    def value(self) -> float:
        """Portfolio value at `price`: cash + margin + unrealised PnL."""
        if self.size == 0.0:
            return self.cash
        return self.cash + self.margin + self.size * (self.price - self.entry)

    def leverage(self) -> float:
        return leverage_of(self.size, self.entry, self.margin)


class RestingOrder:
    """A limit or stop order waiting for `price`; first exposed in the bar after `bar`.

    A stop-limit waits for its stop and then, triggered, for its `limit`, which is NaN in others.
    `last` is the last bar that exposes it; `index` the number of its call, whose numbers are in
    the table of calls.
    """

    __slots__ = (
        "amount",
        "bar",
        "index",
        "is_stop",
        "last",
        "leverage",
        "limit",
        "oco",
        "post_only",
        "price",
        "reduce_only",
        "side",
        "triggered",
    )

    def __init__(
        self, index: int, bar: int, side: int, amount: float, leverage: float, price: float,
        is_stop: bool,
    ) -> None:  # fmt: skip
        self.index = index
        self.bar = bar
        self.side = side
        self.amount = amount
        self.leverage = leverage
        self.price = price
        self.is_stop = is_stop
        self.limit = NAN
        self.last = NEVER
        self.oco = 0
        self.reduce_only = False
        self.post_only = False
        self.triggered = False

    def __reduce__(self) -> NoReturn:
        refuse_copy(self)


def waits_below(order: RestingOrder) -> bool:
    """Whether a falling price fills it: a buy limit and a sell stop, not the other two."""
    return order.is_stop != (order.side > 0)


def drop_expired(b: Broker) -> None:
    """Drop the resting orders that no later bar exposes.

    Done where calls and walked bars come to it, not bar by bar: an order that the price does not
    reach costs nothing.
    """
    done = b.i - b.past  # the last bar whose path is over
    if b.next_expiry > done:
        return
    b.next_expiry = NEVER
    left: list[RestingOrder] = []
    for order in b.resting:
        if order.last <= done:
            b.outcomes[order.index] = codes.EXPIRED
        else:
            left.append(order)
            if order.last < b.next_expiry:
                b.next_expiry = order.last
    b.resting = left
    b.exposed = [order for order in b.exposed if order.last > done]


def drop_others(b: Broker, index: int) -> None:
    """Cancel the resting orders of the oco name of call number `index`, which has filled."""
    name = int(b.calls.cells[index, codes.IN_OCO])
    left: list[RestingOrder] = []
    for order in b.resting:
        if order.oco == name:
            b.outcomes[order.index] = codes.CANCELLED
        else:
            left.append(order)
    b.resting = left
    b.exposed = [order for order in b.exposed if order.oco != name]


# --- the watch ---------------------------------------------------------------------------------
def watch(b: Broker) -> None:
    """Set the sentinels to the nearest prices at which something can happen.

    Inside a bar nobody asks them: they are set at its end.
    """
    if b.past:
        return
    if b.queue or b.trail_distance > 0.0:
        # A trailing mark moves with every bar, a queued order acts at the next open.
        b.low_watch = INF
        return
    low, high = -INF, INF
    size = b.size
    if size > 0.0:
        low = b.liquidation
        if b.stop_loss > low:
            low = b.stop_loss
        if b.take_profit > 0.0:
            high = b.take_profit
    elif size < 0.0:
        high = b.liquidation
        if b.stop_loss < high:
            high = b.stop_loss
        if b.take_profit > 0.0:
            low = b.take_profit
    for order in b.resting:
        if waits_below(order):
            if order.price > low:
                low = order.price
        elif order.price < high:
            high = order.price
    b.low_watch = low
    b.high_watch = high


def check_numbers(**numbers: float) -> None:
    """Raise CalculationError for a number that is not finite or beyond 2^53 - 1."""
    for name, number in numbers.items():
        if not abs(number) <= MAX_ACCOUNT_NUMBER:
            raise CalculationError(
                f"{name} became {told(number)}: numbers beyond 2^53 - 1 are no longer exact"
            )


# --- rejections --------------------------------------------------------------------------------
def reject(b: Broker, index: int, error: type[BacktestError], reason: str) -> bool:
    """Count and list a refused order; raise it instead under `strict_orders`. Returns False."""
    b.outcomes[index] = codes.REJECTED
    b.notes[index] = reason
    b.rejected_count += 1
    if len(b.rejected_first) < MAX_LISTED_REJECTIONS:
        cells = b.calls.cells
        call, amount = int(cells[index, codes.IN_CALL]), cells[index, codes.IN_AMOUNT]
        b.rejected_first.append((b.times[b.i], call, amount, reason))
    if b.strict:
        raise error(reason)
    return False
