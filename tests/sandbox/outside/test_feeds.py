"""The bytes that a fed child reads and must answer, beside slow ways to make them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np

from engine.account.records import ORDER_DTYPE
from engine.bars import Funding
from sandbox.crossing import wire
from sandbox.crossing.fed_frames import COUNT, PIECE
from sandbox.job import Job
from sandbox.outside.feeds import BarPieces, Pieces, answers_to, rows_of

Make = Callable[..., Job]
SOURCE = "class S(Strategy):\n    def on_data(self, data):\n        pass\n"


def parts(pieces: Pieces) -> list[bytes]:
    offsets = list(pieces.offsets)
    return [bytes(pieces.data[start:end]) for start, end in pairwise(offsets)]


def funded(make_job: Make) -> Job:
    """Four bars of a minute: one settlement before them, which the first
    bar charges, two in bar 1, one behind them.
    """
    job = make_job(SOURCE, count=4, trading_mode="futures", funding=True)
    first = int(job.bars.timestamp[0])
    times = first + np.array([-60_000, 70_000, 90_000, 400_000])
    return replace(job, funding=Funding(times, np.array([0.5, 0.1, 0.2, 0.3])))


def test_a_row_is_a_bar_and_the_values_of_its_indicators(make_job: Make) -> None:
    job = make_job(SOURCE, count=3)
    bars = job.bars
    values = np.array([[1.5, 2.5], [3.5, 4.5], [5.5, 6.5]])
    for i, row in enumerate(parts(rows_of(job, values))):
        columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
        prices = [float(column[i]) for column in columns]
        assert row == struct.pack("<q7d", int(bars.timestamp[i]), *prices, *values[i])


def test_rates_stand_behind_the_bar_in_which_they_settle(make_job: Make) -> None:
    rows = parts(rows_of(funded(make_job), None))
    assert [len(row) for row in rows] == [64 + 8, 64 + 16, 64, 64]
    # The newest rate until the bar's close, and how many settle in it.
    assert [struct.unpack("<2d", row[48:64]) for row in rows] == [
        (0.5, 1.0), (0.2, 2.0), (0.2, 0.0), (0.2, 0.0),
    ]  # fmt: skip
    assert struct.unpack("<d", rows[0][64:]) == (0.5,)
    assert struct.unpack("<2d", rows[1][64:]) == (0.1, 0.2)


def test_an_answer_is_the_calls_of_its_bar_as_numbers(make_job: Make) -> None:
    job = make_job(SOURCE, count=4)
    orders = np.zeros(3, ORDER_DTYPE)
    orders["bar"] = 1, 1, 3
    orders["amount"] = 0.1, 0.2, 0.3
    orders["limit"] = np.nan
    calls = [struct.pack("<16d", *map(float, row.tolist())) for row in orders]
    assert parts(answers_to(orders, job)) == [
        wire.HEADER.pack(0, wire.Frame.BAR),
        wire.HEADER.pack(256, wire.Frame.BAR) + calls[0] + calls[1],
        wire.HEADER.pack(0, wire.Frame.BAR),
        wire.HEADER.pack(128, wire.Frame.BAR) + calls[2],
    ]
    assert parts(answers_to(orders[:0], job)) == 4 * [wire.HEADER.pack(0, wire.Frame.BAR)]


def test_a_piece_holds_the_bars_behind_the_last_and_their_settlements(make_job: Make) -> None:
    job = funded(make_job)
    pieces = BarPieces(job)
    count, times = pieces.opening()
    assert (bytes(count), bytes(times)) == (COUNT.pack(4), job.bars.timestamp.tobytes())
    header, *columns, settled, rates = pieces.piece(1, 2)
    cut, _, more, settlements = PIECE.unpack(header)
    assert (cut, more, settlements) == (2, 2, 2)
    assert bytes(columns[3]) == job.bars.close[1:3].tobytes()
    assert bytes(settled) == job.funding.timestamp[1:3].tobytes()
    assert bytes(rates) == job.funding.rate[1:3].tobytes()
    seeds = {PIECE.unpack(pieces.piece(1, 2)[0])[1] for _ in range(3)}
    assert len(seeds) == 3
