"""Form of an order call: what it gave and what of that is malformed.

A call is judged on what is written down of it, so that a replay, which has nothing else, judges
alike and says the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.account import codes
from engine.account.broker import Broker
from engine.account.codes import INF, NAN
from engine.account.records import CALLS
from engine.account.words import MAX_TARGETS, MAX_TEXT_CHARACTERS
from engine.errors import told

MAX_EXPIRES = 2**31 - 1  # bars; an order that waits longer outlives any run


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


def count(value: Any) -> int:
    """`value` as a whole number of bars, at least 1 and at most MAX_EXPIRES, else 0."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        return 0
    return max(0, min(int(value), MAX_EXPIRES))


def flag(value: Any, bit: int) -> int:
    """`bit` for True, nothing for False, and GIVEN_NO_BOOL for whatever is neither."""
    if isinstance(value, bool | np.bool_):
        return bit if value else 0
    return codes.GIVEN_NO_BOOL


def malformed(b: Broker, index: int) -> str | None:
    """What is wrong with the form of call number `index`, None when nothing is."""
    cells = b.calls.cells
    call = int(cells[index, codes.IN_CALL])
    given = int(cells[index, codes.IN_GIVEN])
    amount = cells[index, codes.IN_AMOUNT]
    name = CALLS[call]
    if given & codes.GIVEN_TAG and not cells[index, codes.IN_TAG] > 0.0:
        return f"{name}: tag must be {_A_TEXT}"
    if call == codes.CANCEL:
        return None
    if call == codes.CLOSE_POSITION:
        if not 0.0 < amount <= 100.0:
            return f"percentage must be above 0 and at most 100; got {_given(amount)}"
        return None
    if call > codes.TARGET:
        return _malformed_level(call, given, amount, cells[index, codes.IN_TARGETS])
    if call == codes.TARGET:
        low = 0.0 if b.spot else -100.0
        if not low <= amount <= 100.0:
            return f"percent must be {told(low)} to 100; got {_given(amount)}"
    elif not 0.0 < amount < INF:
        return f"{name}: amount must be a finite number above 0; got {_given(amount)}"
    leverage = cells[index, codes.IN_LEVERAGE]
    if b.spot:
        if leverage != 1.0:
            return f"{name}: leverage must be 1 in spot; got {_given(leverage)}"
    elif not 1.0 <= leverage <= b.max_leverage:
        return f"{name}: leverage must be 1 to {told(b.max_leverage)}; got {_given(leverage)}"
    if given == codes.GIVEN_AMOUNT:
        return None
    limit, stop = cells[index, codes.IN_LIMIT], cells[index, codes.IN_STOP]
    if given & codes.GIVEN_LIMIT and not 0.0 < limit < INF:
        return f"{name}: limit must be a finite price above 0; got {_given(limit)}"
    if given & codes.GIVEN_STOP and not 0.0 < stop < INF:
        return f"{name}: stop must be a finite price above 0; got {_given(stop)}"
    if given >= codes.GIVEN_OCO:
        problem = _malformed_resting(b, name, index, given)
        if problem is not None:
            return problem
    return _malformed_brought(
        name, given, cells[index, codes.IN_STOP_LOSS], cells[index, codes.IN_TAKE_PROFIT],
        cells[index, codes.IN_TARGETS],
    )  # fmt: skip


def _malformed_level(call: int, given: int, amount: float, targets: float) -> str | None:
    """Of set_stop_loss, set_take_profit and set_trailing_stop."""
    name = CALLS[call]
    if given & codes.GIVEN_TARGETS and not targets > 0.0:
        return f"{name}: {_A_LIST}"
    if given & codes.GIVEN_TRAIL_PERCENT:
        if given & codes.GIVEN_AMOUNT:
            return f"{name}: give a distance or percent=, not both"
        if not 0.0 < amount < 100.0:
            return f"{name}: percent must be above 0 and below 100; got {_given(amount)}"
    elif given & codes.GIVEN_AMOUNT and not 0.0 < amount < INF:
        what = "distance" if call == codes.SET_TRAIL else "price"
        return f"{name}: {what} must be a finite number above 0; got {_given(amount)}"
    return None


def _malformed_resting(b: Broker, name: str, index: int, given: int) -> str | None:
    """Of what only an order with a limit or stop may be given."""
    cells = b.calls.cells
    if given & codes.GIVEN_NO_BOOL:
        return f"{name}: reduce_only and post_only must be True or False"
    if given & codes.GIVEN_EXPIRES and not cells[index, codes.IN_EXPIRES] > 0.0:
        return f"{name}: expires must be a whole number of bars, at least 1"
    if given & codes.GIVEN_OCO and not cells[index, codes.IN_OCO] > 0.0:
        return f"{name}: oco must be {_A_TEXT}"
    if not given & (codes.GIVEN_LIMIT | codes.GIVEN_STOP):
        for bit, what in (
            (codes.GIVEN_EXPIRES, "expires"),
            (codes.GIVEN_OCO, "oco"),
            (codes.GIVEN_REDUCE_ONLY, "reduce_only"),
        ):
            if given & bit:
                return f"{name}: {what} is for orders that rest; give limit= or stop= with it"
    if given & codes.GIVEN_POST_ONLY:
        if not given & codes.GIVEN_LIMIT:
            return f"{name}: post_only is for limit orders; give limit= with it"
        if given & codes.GIVEN_STOP:
            return f"{name}: post_only is for a limit order without a stop"
    return None


def _malformed_brought(
    name: str, given: int, stop_loss: float, take_profit: float, targets: float
) -> str | None:
    """Of the levels that an order brings along."""
    if given & codes.GIVEN_STOP_PERCENT:
        if given & codes.GIVEN_STOP_LOSS:
            return f"{name}: give stop_loss or stop_loss_percent, not both"
        if not 0.0 < stop_loss < 100.0:
            return (
                f"{name}: stop_loss_percent must be above 0 and below 100; got {_given(stop_loss)}"
            )
    elif given & codes.GIVEN_STOP_LOSS and not 0.0 < stop_loss < INF:
        return f"{name}: stop_loss must be a finite price above 0; got {_given(stop_loss)}"
    if given & codes.GIVEN_TAKE_PERCENT:
        if given & (codes.GIVEN_TAKE_PROFIT | codes.GIVEN_TARGETS):
            return f"{name}: give take_profit or take_profit_percent, not both"
        if not 0.0 < take_profit < INF:
            return (
                f"{name}: take_profit_percent must be a finite number above 0; "
                f"got {_given(take_profit)}"
            )
    elif given & codes.GIVEN_TARGETS:
        if not targets > 0.0:
            return f"{name}: {_A_LIST}"
    elif given & codes.GIVEN_TAKE_PROFIT and not 0.0 < take_profit < INF:
        return f"{name}: take_profit must be a finite price above 0; got {_given(take_profit)}"
    return None


_A_TEXT = f"a text of 1 to {MAX_TEXT_CHARACTERS} printable characters"
_A_LIST = (
    f"a list of take profits holds 1 to {MAX_TARGETS} pairs (price, percent): prices above 0, "
    "percents above 0 that make at most 100 together"
)


def _given(value: float) -> str:
    """How a message names a malformed number; `number` has made NaN of all that is none."""
    if value != value:
        return "no finite number (a text, a bool, None, NaN or an infinity)"
    return told(value)
