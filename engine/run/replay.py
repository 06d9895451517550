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
from engine.account.records import ORDER_DTYPE, Ledger
from engine.bars import Bars, Funding
from engine.config import MAX_HOOK_DEPTH, BacktestConfig, max_orders
from engine.run.order_player import Player, ReplayError, ReplayGivenUp, Stopped

__all__ = ["ReplayError", "ReplayGivenUp", "replay"]

_FIELDS = {
    "amount": codes.GIVEN_AMOUNT,
    "limit": codes.GIVEN_LIMIT,
    "stop": codes.GIVEN_STOP,
    "stop_loss": codes.GIVEN_STOP_LOSS,
    "take_profit": codes.GIVEN_TAKE_PROFIT,
}
GIVEN_ALL = 31


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
    broker = Broker(config, bars, funding, len(orders))
    player = Player(broker, bars, _cells(orders), give_up)
    try:
        player.play(last + 1)
    except Stopped as error:
        if not partial or broker.i != bars_done:
            raise ReplayError(f"the run went on where it must have ended: {error}") from None
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
    if orders["call"].max() > codes.CANCEL or orders["depth"].max() > MAX_HOOK_DEPTH:
        raise ReplayError("an unknown order call")
    _check_form(orders)


def _check_form(orders: npt.NDArray[np.void]) -> None:
    """Refuse calls in a form that `order_entry.order` never writes down."""
    call, given = orders["call"], orders["given"]
    if (given > GIVEN_ALL).any() or orders["pad"].any():
        raise ReplayError("an order call with unknown fields")
    if (given[call > codes.SELL] > codes.GIVEN_AMOUNT).any():
        raise ReplayError("an order call with fields of another")
    if not (given[call <= codes.TARGET] & codes.GIVEN_AMOUNT).all():
        raise ReplayError("an order call without its amount")
    for name, bit in _FIELDS.items():
        if not np.isnan(orders[name][(given & bit) == 0]).all():
            raise ReplayError(f"an order call with a {name} that was not given")
        if np.isinf(orders[name]).any():
            raise ReplayError(f"an order call with an infinite {name}")
