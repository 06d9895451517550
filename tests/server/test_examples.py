"""Every example compiles in the sandbox's language, trades, and is explained in two sentences."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest

from engine.bars import Bars
from engine.config import BacktestConfig
from engine.enums import Timeframe
from engine.run.backtest import run_backtest
from sandbox.language.compiler import check, compile_strategy
from sandbox.runtime.loader import load
from server.examples import Example, examples, find

START_MS = 1_704_067_200_000  # 2024-01-01, a Monday


@cache
def wild_bars(timeframe: Timeframe, count: int = 2_000) -> Bars:
    """A random walk with waves, wild enough that every example finds something to do."""
    random = np.random.default_rng(7)
    steps = random.normal(0, 0.008, count) + 0.004 * np.sin(np.arange(count) / 40)
    close = 100 * np.exp(np.cumsum(steps))
    open_ = np.concatenate(([100.0], close[:-1]))
    spread = np.abs(random.normal(0, 0.003, count))
    return Bars(
        symbol="DEMOBTCUSDT",
        timeframe=timeframe,
        timestamp=START_MS + timeframe.ms * np.arange(count, dtype=np.int64),
        open=open_,
        high=np.maximum(open_, close) * (1 + spread),
        low=np.minimum(open_, close) * (1 - spread),
        close=close,
        volume=np.full(count, 5.0),
    )


def by_slug(example: Example) -> str:
    return example.slug


def test_there_are_at_least_twelve_with_names_of_their_own():
    assert len({example.title for example in examples()}) == len(examples()) >= 12


@pytest.mark.parametrize("example", examples(), ids=by_slug)
def test_an_example_compiles_without_a_complaint(example: Example):
    report = check(example.source)
    assert (report.problems, report.remarks) == ((), ())


@pytest.mark.parametrize("example", examples(), ids=by_slug)
def test_an_example_is_explained_in_two_sentences(example: Example):
    assert len(re.findall(r"[.!?](?:\s|$)", example.about)) == 2


@pytest.mark.parametrize("example", examples(), ids=by_slug)
def test_an_example_trades(example: Example):
    bars = wild_bars(Timeframe(example.settings["timeframe"]))
    config = BacktestConfig.from_document(
        {
            "symbol": "DEMOBTCUSDT",
            "timeframe": example.settings["timeframe"],
            "start_date": "2024-01-01",
            "end_date": "2024-12-31",
            "trading_mode": example.settings.get("trading_mode", "spot"),
            "max_leverage": float(example.settings.get("max_leverage", 1)),
        }
    )
    written: list[str] = []
    loaded = load(
        compile_strategy(example.source), seed=0, now_ms=lambda: START_MS, write=written.append
    )
    results = run_backtest(config, bars, loaded)
    assert len(results.trades) > 0
    assert results.metrics["rejected_orders"] == 0


def test_too_much_leverage_ends_in_a_liquidation():
    example = find("overleveraged")
    config = BacktestConfig.from_document(
        {
            "symbol": "DEMOBTCUSDT",
            "timeframe": "1h",
            "start_date": "2024-01-01",
            "end_date": "2024-12-31",
            "trading_mode": "futures",
            "max_leverage": 50.0,
        }
    )
    loaded = load(
        compile_strategy(example.source), seed=0, now_ms=lambda: START_MS, write=lambda _: None
    )
    results = run_backtest(config, wild_bars(Timeframe.H1), loaded)
    assert results.metrics["liquidations"] > 0


def test_an_unknown_example_is_none():
    assert find("nothing") is None
