"""The log of a run's order calls: every call is a row of a table, with what its words are.

These rows are all that leaves a sandboxed run; its replay writes the very same again.
"""

from __future__ import annotations

import sys
from typing import Any

from engine.account import codes
from engine.account.broker import Broker
from engine.account.records import Word
from engine.account.words import spelt
from engine.errors import StrategyError

MAX_LINE = 1_000_000


class OrderLimit(StrategyError):
    """The strategy made more order calls than a run of its length may."""


def write_down(
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
) -> int:
    """Number of the new row of the table of calls."""
    index = b.calls.count
    # Outcomes and phases first: the compiled core writes to them by `index` unchecked, so a call
    # that runs out of memory here may leave one too many behind, never one too few.
    if len(b.outcomes) != index:
        del b.outcomes[index:], b.phases[index:]
    b.outcomes.append(codes.FILLED)
    b.phases.append(b.phase)
    calls = b.calls
    calls.add()
    cells = calls.cells
    cells[index, codes.IN_BAR] = b.i
    cells[index, codes.IN_ROWS] = b.rows.count
    cells[index, codes.IN_DEPTH] = b.depth
    cells[index, codes.IN_CALL] = call
    cells[index, codes.IN_GIVEN] = given
    cells[index, codes.IN_LINE] = line
    cells[index, codes.IN_TAG] = tag
    cells[index, codes.IN_OCO] = oco
    cells[index, codes.IN_TARGETS] = targets
    cells[index, codes.IN_EXPIRES] = expires
    cells[index, codes.IN_AMOUNT] = amount
    cells[index, codes.IN_LEVERAGE] = leverage
    cells[index, codes.IN_LIMIT] = limit
    cells[index, codes.IN_STOP] = stop
    cells[index, codes.IN_STOP_LOSS] = stop_loss
    cells[index, codes.IN_TAKE_PROFIT] = take_profit
    if call == codes.WORD:
        b.word_rows += 1
    return index


def number_of(b: Broker, word: Word) -> int:
    """The word's number in this run; spelt out in the table of calls where it is new."""
    known = b.word_numbers.get(word)
    if known is not None:
        return known
    rows = spelt(word)
    if b.word_rows + len(rows) > b.max_orders:
        raise OrderLimit(
            f"stopped: different tags, oco names and lists of take profits fill "
            f"{b.word_rows:,} rows, the limit for a run of {len(b.times):,} bars; give orders of "
            "one kind one tag"
        )
    at = len(b.words)
    for kind, size, floats in rows:
        first, second, third, fourth, fifth, sixth = floats
        write_down(
            b, codes.WORD, kind, 0, at, 0, 0, size, first, second, third, fourth, fifth, sixth
        )
    b.words.append(word)
    b.word_numbers[word] = at
    return at


def line_of(b: Broker) -> int:
    """The line of the strategy's own file that makes the call, 0 where it cannot be told."""
    name = b.source_file
    if name is None:
        return 0
    frame: Any = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename == name:
            return min(frame.f_lineno or 0, MAX_LINE)
        frame = frame.f_back
    return 0
