"""Runs whose bars come one by one, beside the same runs over bars that are all there."""

from __future__ import annotations

import math
import os
import struct
from typing import Any

import numpy as np
import pytest

from engine.account.costs import settlement_bars
from engine.bars import NO_FUNDING, Bars, Funding
from engine.config import MAX_ORDERS, BacktestConfig
from engine.enums import Timeframe
from engine.run.backtest import Run
from engine.run.blind import FIRST_CAPACITY, BlindRun, TriedRun
from engine.run.handover import ENDED, SETTLES
from engine.run.strategy import Strategy

COUNT = 3 * FIRST_CAPACITY + 7  # the arrays grow twice


@pytest.fixture(scope="module")
def bars() -> Bars:
    close = 100.0 * np.exp(np.random.default_rng(5).standard_normal(COUNT).cumsum() / 200)
    open_ = np.append(100.0, close[:-1])
    times = 1_704_067_200_000 + 3_600_000 * np.arange(COUNT, dtype=np.int64)
    high, low = np.maximum(open_, close) * 1.002, np.minimum(open_, close) * 0.998
    return Bars("BTCUSDT", Timeframe.H1, times, open_, high, low, close, close * 2.0)


def config(**fields: Any) -> BacktestConfig:
    document = {
        "symbol": "BTCUSDT",
        "timeframe": "1h",
        "start_date": "2024-01-01",
        "end_date": "2024-12-31",
        "trading_mode": "futures",
        "max_leverage": 5.0,
        **fields,
    }
    return BacktestConfig.from_document(document)


class Busy(Strategy):
    """Looks at everything, and writes down what it saw in its orders' amounts."""

    def initialize(self):
        self.indicator("sum", lambda close: np.cumsum(close), "close")
        self.indicator("two", lambda total: (total, -total), "sum")

    def on_data(self, data):
        bars = self.bars
        seen = bars.close[-3:].sum() + self.indicators["sum"][-1] + self.indicators["two"][1][0]
        seen += len(self.history(5)) + len(bars) + bars.timestamp_ms[0] + bars.timestamp[-1].hour
        seen += sum(row["price"] for row in self.portfolio.portfolio_history[-2:])
        if data.close > bars.open[-1] and self.get_position_size() <= 0:
            self.buy(0.1 + seen % 1e-3, stop_loss=data.close * 0.98)
        elif data.close < bars.low[0] and self.get_position_size() > 0:
            self.close_position()

    def on_fill(self, trade):
        if trade["position_type"] == "long" and trade["pnl"] < 0:
            self.cancel_orders()


def pass_rows(run: BlindRun, strategy: Strategy, rows: bytes) -> None:
    """Feed so many rows that a pipe holds them, and their answers."""
    feed, ours = os.pipe()
    answers, theirs = os.pipe()
    os.write(ours, rows)
    os.close(ours)
    while (state := run.take_bars(strategy, feed, theirs, b"\0\0\0\0q")) != ENDED:
        if state == SETTLES:
            rates = struct.unpack(f"<{run.settlements}d", os.read(feed, 8 * run.settlements))
            run.take_settled(strategy, list(rates))
    for fd in (feed, answers, theirs):
        os.close(fd)


def passed_blind(
    configuration: BacktestConfig, bars: Bars, kind: type[Strategy], funding: Funding
) -> BlindRun:
    whole = Run(configuration, bars, funding)
    whole.prepare(kind)
    values = [array for arrays in whole.indicators().values() for array in arrays]
    rates: dict[int, list[float]] = {}
    for index, rate in zip(settlement_bars(bars, funding).tolist(), funding.rate, strict=True):
        rates.setdefault(index, []).append(float(rate))
    run = BlindRun(configuration, "BTCUSDT", int(bars.timestamp[0]))
    strategy = run.prepare(kind)
    run.begin(strategy)
    columns = (bars.timestamp, bars.open, bars.high, bars.low, bars.close, bars.volume, *values)
    rows = []
    for i in range(len(bars)):
        numbers: Any = [column[i].item() for column in columns]
        settled = rates.get(i, [])
        if configuration.funding:
            numbers += [math.nan, float(len(settled)), *settled]
        rows.append(struct.pack(f"<q{len(numbers) - 1}d", *numbers))
    for first in range(0, len(rows), 300):
        pass_rows(run, strategy, b"".join(rows[first : first + 300]))
    run.finish(strategy)
    return run


@pytest.mark.parametrize("fill", ["close", "next_open"])
def test_bars_that_come_one_by_one_give_the_same_orders_and_fills(bars: Bars, fill: str) -> None:
    times = bars.timestamp[0] + 8 * 3_600_000 * np.arange(300)
    funding = Funding(times, np.linspace(-1e-4, 1e-4, 300))
    configuration = config(fill=fill, funding=True)
    whole = Run(configuration, bars, funding)
    whole.execute(Busy)
    run = passed_blind(configuration, bars, Busy, funding)
    assert len(whole.orders()) > 100
    assert run.orders().tobytes() == whole.orders().tobytes()
    assert run.fills_digest() == whole.fills_digest()
    assert run.broker.funding_paid == whole.broker.funding_paid != 0.0
    assert run.bars_done == COUNT


def test_a_blind_run_does_not_know_how_long_it_is(bars: Bars) -> None:
    short, long = (passed_blind(config(), bars.slice(0, n), Busy, NO_FUNDING) for n in (50, 60))
    assert short.broker.max_orders == long.broker.max_orders == MAX_ORDERS
    assert len(short.broker.times) == len(long.broker.times) == FIRST_CAPACITY


def test_functions_see_invented_bars_and_their_declarations_are_written_down() -> None:
    lengths = []

    class Declares(Strategy):
        def initialize(self):
            self.indicator("a", self.three, "close", 2)
            self.indicator("b", self.broken, "volume")

        def three(self, close, n):
            lengths.append(len(close))
            return close, close, close * n

        def broken(self, volume):
            raise ZeroDivisionError

        def on_data(self, data):
            pass

    run = BlindRun(config(), "BTCUSDT", 0)
    run.prepare(Declares)
    assert run.declared == [("a", ["close", "2.0"]), ("b", ["volume"])]
    assert [len(arrays) for arrays in run.parts] == [3, 1]
    assert run.guessed  # the second could not say how many parts it has
    assert lengths == [5_000]


def test_a_tried_run_writes_down_what_failed(bars: Bars) -> None:
    class Fails(Strategy):
        def initialize(self):
            self.indicator("fine", lambda close: close + 1.0, "close")
            self.indicator("fails", lambda close: close[:1], "close")

        def on_data(self, data):
            pass

    run = TriedRun(config(), bars.slice(0, 10), NO_FUNDING)
    run.prepare(Fails)
    assert run.failures == [None, "ValidationError"]
    assert np.array_equal(run.parts[0][0], bars.close[:10] + 1.0)
    assert np.isnan(run.parts[1][0]).all()
