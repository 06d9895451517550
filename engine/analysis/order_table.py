"""The table of order calls, orders.csv: what was asked for, and what became of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from engine.account import codes
from engine.account.records import CALLS, OUTCOMES, PHASES, Ledger
from engine.analysis.csv_text import Column, Texts, Words
from engine.bars import Bars

_LEVERAGED_CALLS = [codes.BUY, codes.SELL, codes.TARGET]
_BOOLS = ("false", "true")


def order_table(ledger: Ledger, bars: Bars) -> dict[str, Column]:
    """Column name -> numbers or words, a row for every order call in the order of the calls."""
    calls = np.flatnonzero(ledger.orders["call"] != codes.WORD)
    orders = ledger.orders[calls]
    given = orders["given"]
    leverage = orders["leverage"].copy()
    leverage[~np.isin(orders["call"], _LEVERAGED_CALLS)] = np.nan
    reasons = [""] * len(ledger.orders)
    for index, reason in ledger.notes.items():
        reasons[index] = reason
    by_percent = codes.GIVEN_TRAIL_PERCENT | codes.GIVEN_STOP_PERCENT | codes.GIVEN_TAKE_PERCENT
    return {
        "timestamp": bars.timestamp[orders["bar"]],
        "phase": Words(ledger.phases[calls], PHASES),
        "call": Words(orders["call"], CALLS),
        "amount": _unless(given & codes.GIVEN_TRAIL_PERCENT, orders["amount"]),
        "leverage": leverage,
        "limit": orders["limit"],
        "stop": orders["stop"],
        "stop_loss": _unless(given & codes.GIVEN_STOP_PERCENT, orders["stop_loss"]),
        "take_profit": _unless(given & codes.GIVEN_TAKE_PERCENT, orders["take_profit"]),
        "outcome": Words(ledger.outcomes[calls], OUTCOMES),
        "reason": Texts([reasons[index] for index in calls]),
        "symbol": Words(np.zeros(len(orders), np.uint8), (bars.symbol,)),
        "tag": named(ledger, orders["tag"]),
        "expires": _texts(orders["expires"], lambda at: str(orders["expires"][at])),
        "oco": named(ledger, orders["oco"]),
        "reduce_only": Words(_is_set(given, codes.GIVEN_REDUCE_ONLY), _BOOLS),
        "post_only": Words(_is_set(given, codes.GIVEN_POST_ONLY), _BOOLS),
        "percent": _texts(given & by_percent, lambda at: _percent(orders[at])),
        "targets": _texts(orders["targets"], lambda at: _targets(ledger, orders["targets"][at])),
        "line": _lines(orders["line"]),
    }


def named(ledger: Ledger, numbers: npt.NDArray[np.int32]) -> Words:
    """The texts with these numbers, the empty one where the number is 0."""
    texts = tuple(word if isinstance(word, str) else "" for word in ledger.words)
    return Words(numbers, texts)


def _texts(where: npt.NDArray[np.integer], text: Callable[[int], str]) -> Column:
    """`text` of the rows where there is something, the others empty."""
    rows = np.flatnonzero(where)
    if not len(rows):
        return Words(np.zeros(len(where), np.uint8), ("",))
    texts = [""] * len(where)
    for row in rows.tolist():
        texts[row] = text(row)
    return Texts(texts)


def _lines(lines: npt.NDArray[np.int32]) -> Column:
    return lines if lines.all() else _texts(lines, lambda at: str(lines[at]))


def _unless(
    where: npt.NDArray[np.integer], numbers: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    return np.where(where != 0, np.nan, numbers)


def _is_set(given: npt.NDArray[np.uint16], bit: int) -> npt.NDArray[np.uint8]:
    found: npt.NDArray[np.uint8] = ((given & bit) != 0).astype(np.uint8)
    return found


def _percent(order: np.void) -> str:
    """A trailing stop's percentage; of levels `stop_loss:2.0 take_profit:4.0`."""
    given = int(order["given"])
    if given & codes.GIVEN_TRAIL_PERCENT:
        return _number(order["amount"])
    parts = [
        f"{name}:{_number(order[name])}"
        for name, bit in (
            ("stop_loss", codes.GIVEN_STOP_PERCENT),
            ("take_profit", codes.GIVEN_TAKE_PERCENT),
        )
        if given & bit
    ]
    return " ".join(parts)


def _targets(ledger: Ledger, number: int) -> str:
    pairs = ledger.words[number]
    if isinstance(pairs, str):
        raise TypeError(f"word {number} is no list of take profits")
    return " ".join(f"{price!r}:{percent!r}" for price, percent in pairs)


def _number(value: float) -> str:
    """As the file's other numbers: the shortest that reads back equal, nothing for NaN."""
    return repr(float(value)) if value == value else ""
