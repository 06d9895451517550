"""Replay: the order calls of a run, entered again through the broker over the bars.

What a sandboxed child hands back is only what its strategy asked for. This module, outside the
child, plays those calls (`engine.run.order_player`) and so finds out what they earned; the child's
own fills are believed only as far as they are the same.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from engine.account import codes
from engine.account.broker import Broker
from engine.account.ledger import ledger_of
from engine.account.order_log import MAX_LINE
from engine.account.price_path import close_at_end
from engine.account.records import ORDER_DTYPE, Ledger, Word
from engine.account.words import NotWords, words_in
from engine.bars import Bars, Funding
from engine.config import MAX_HOOK_DEPTH, BacktestConfig, max_orders
from engine.run.order_player import Player, ReplayError, ReplayGivenUp, Stopped

__all__ = ["ReplayError", "ReplayGivenUp", "replay"]

_FIELDS = {
    "limit": codes.GIVEN_LIMIT,
    "stop": codes.GIVEN_STOP,
    "stop_loss": codes.GIVEN_STOP_LOSS | codes.GIVEN_STOP_PERCENT,
    "take_profit": codes.GIVEN_TAKE_PROFIT | codes.GIVEN_TAKE_PERCENT,
}
_NUMBERS = {
    "tag": codes.GIVEN_TAG,
    "oco": codes.GIVEN_OCO,
    "targets": codes.GIVEN_TARGETS,
    "expires": codes.GIVEN_EXPIRES,
}
_OF_LEVELS = (
    codes.GIVEN_STOP_LOSS
    | codes.GIVEN_TAKE_PROFIT
    | codes.GIVEN_STOP_PERCENT
    | codes.GIVEN_TAKE_PERCENT
    | codes.GIVEN_TARGETS
)
_OF_ORDERS = codes.GIVEN_AMOUNT | _OF_LEVELS | codes.GIVEN_TAG
_OF_RESTING = (
    codes.GIVEN_LIMIT
    | codes.GIVEN_STOP
    | codes.GIVEN_OCO
    | codes.GIVEN_EXPIRES
    | codes.GIVEN_REDUCE_ONLY
    | codes.GIVEN_POST_ONLY
    | codes.GIVEN_NO_BOOL
)
# What each call may be given, by its code.
_MAY_GIVE = (
    _OF_ORDERS | _OF_RESTING,
    _OF_ORDERS | _OF_RESTING,
    codes.GIVEN_AMOUNT | codes.GIVEN_TAG,
    _OF_ORDERS,
    codes.GIVEN_AMOUNT,
    codes.GIVEN_AMOUNT | codes.GIVEN_TARGETS,
    codes.GIVEN_AMOUNT | codes.GIVEN_TRAIL_PERCENT,
    codes.GIVEN_TAG,
)


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
    words = _check_log(orders, len(bars), bars_done, last)
    broker = Broker(config, bars, funding, len(orders))
    broker.words = list(words)
    player = Player(broker, bars, _cells(orders), give_up)
    try:
        player.play(last + 1)
    except Stopped as error:
        if not partial or broker.i != bars_done:
            raise ReplayError(f"the run went on where it must have ended: {error}") from None
    if config.close_at_end and bars_done == len(bars):
        close_at_end(broker, float(bars.close[-1]))
    if player.next != len(orders):
        raise ReplayError(f"order call {player.next:,} was made where the replay has no such point")
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
    if extra and broker.rows.row(rows_done)[0] < bars_done:
        raise ReplayError(f"the run claims {rows_done:,} fills, its orders make more")
    if extra:
        broker.rows.truncate(rows_done)
        broker.states.truncate(len(broker.states) - extra)


def _cells(orders: npt.NDArray[np.void]) -> npt.NDArray[np.float64]:
    """The order calls as float64, one row each: what the player reads."""
    names = orders.dtype.names or ()
    cells = np.empty((len(orders), len(names)))
    for column, name in enumerate(names):
        cells[:, column] = orders[name]
    return cells


def _check_log(
    orders: npt.NDArray[np.void], n_bars: int, bars_done: int, last: int
) -> tuple[Word, ...]:
    """The words that the log spells."""
    if not 0 <= bars_done <= n_bars:
        raise ReplayError(f"{bars_done} bars done of {n_bars}")
    spelling = orders["call"] == codes.WORD
    for count in (np.count_nonzero(spelling), np.count_nonzero(~spelling)):
        if count > max_orders(n_bars):
            raise ReplayError(f"{count:,} order calls over {n_bars:,} bars")
    if not len(orders):
        return ("",)
    if orders["bar"].min() < 0 or orders["bar"].max() > last:
        raise ReplayError("an order call outside the bars")
    if (np.diff(orders["bar"]) < 0).any():
        raise ReplayError("order calls out of order")
    unknown = (orders["call"] > codes.CANCEL) & ~spelling
    if unknown.any() or orders["depth"].max() > MAX_HOOK_DEPTH:
        raise ReplayError("an unknown order call")
    _check_form(orders[~spelling])
    try:
        words = words_in(orders)
    except NotWords as error:
        raise ReplayError(str(error)) from None
    _check_words(orders, spelling, words)
    return words


def _check_form(orders: npt.NDArray[np.void]) -> None:
    """Refuse calls in a form that `order_entry.order` never writes down."""
    call, given = orders["call"], orders["given"]
    if (given & ~np.array(_MAY_GIVE, np.uint16)[call]).any():
        raise ReplayError("an order call with fields of another")
    if not (given[call <= codes.TARGET] & codes.GIVEN_AMOUNT).all():
        raise ReplayError("an order call without its amount")
    amount = codes.GIVEN_AMOUNT | codes.GIVEN_TRAIL_PERCENT
    for name, bits in {"amount": amount, **_FIELDS}.items():
        if not np.isnan(orders[name][(given & bits) == 0]).all():
            raise ReplayError(f"an order call with a {name} that was not given")
        if np.isinf(orders[name]).any():
            raise ReplayError(f"an order call with an infinite {name}")
    for name, bits in _NUMBERS.items():
        if orders[name][(given & bits) == 0].any() or (orders[name] < 0).any():
            raise ReplayError(f"an order call with a {name} that was not given")
    if (orders["line"] < 0).any() or (orders["line"] > MAX_LINE).any():
        raise ReplayError("an order call on no line")


def _check_words(
    orders: npt.NDArray[np.void], spelling: npt.NDArray[np.bool_], words: tuple[Word, ...]
) -> None:
    """Refuse calls that name a word which is not spelt before them, or is of another kind."""
    known = np.maximum.accumulate(np.where(spelling, orders["tag"], 0))[~spelling]
    are_texts = np.array([isinstance(word, str) for word in words])
    calls = orders[~spelling]
    for name in ("tag", "oco", "targets"):
        used = calls[name]
        if (used > known).any():
            raise ReplayError(f"an order call with a {name} that is not spelt before it")
        if (are_texts[used[used > 0]] == (name == "targets")).any():
            raise ReplayError(f"an order call whose {name} is of another kind")
