"""What a result costs after its replay: series, round trips, figures, files, views.

Functions return plain numbers (CPU seconds unless the name says otherwise), measured in this
process over a seeded year of 1m bars with a fill every ten bars, and over a week of 1h bars.
"""

from __future__ import annotations

import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from engine.account.records import ORDER_DTYPE, STATE_DTYPE, TRADE_DTYPE, Ledger
from engine.analysis.results import BacktestResults
from engine.bars import Bars
from engine.config import BacktestConfig
from engine.enums import Timeframe
from engine.history.cache_space import CacheSpace
from server.charts.buckets import chart_document, pick_points
from server.charts.run_tables import SeriesCache
from server.storage.artifacts import Artifacts, new_backtest_id
from tests.benchmarks.measure import heading, table

YEAR_BARS, WEEK_BARS = 525_600, 168
START_MS = 1_672_531_200_000  # 2023-01-01T00:00Z
CAPITAL, FEE_RATE = 10_000.0, 0.001


def make_run(n_bars: int, timeframe: Timeframe, every: int = 10) -> tuple[Bars, Ledger]:
    """A random walk, and a ledger that buys a tenth of a unit and sells it again, in turns."""
    rng = np.random.default_rng(11)
    close = 30_000.0 * np.exp(np.cumsum(rng.normal(0, 0.0005, n_bars)))
    open_ = np.concatenate(([30_000.0], close[:-1]))
    bars = Bars(
        "BTCUSDT",
        timeframe,
        START_MS + timeframe.ms * np.arange(n_bars),
        open_,
        np.maximum(open_, close) * 1.0002,
        np.minimum(open_, close) * 0.9998,
        close,
        rng.uniform(1, 100, n_bars),
    )
    at = np.arange(0, n_bars, every)
    fills = len(at)
    closing = np.arange(fills) % 2 == 1
    price, quantity = close[at], 0.1
    fee = price * quantity * FEE_RATE
    entry = np.where(closing, np.concatenate(([0.0], price[:-1])), price)
    gross = np.where(closing, quantity * (price - entry), 0.0)
    trades = np.zeros(fills, TRADE_DTYPE)
    trades["bar"], trades["order"] = at, np.arange(fills)
    trades["action"] = trades["closing"] = closing
    trades["phase"], trades["quantity"], trades["price"] = 2, quantity, price
    trades["leverage"], trades["fee"], trades["gross"] = 1.0, fee, gross
    trades["pnl"] = np.where(closing, gross - fee - np.concatenate(([0.0], fee[:-1])), 0.0)
    trades["entry_price"], trades["released"] = entry, np.where(closing, quantity * entry, 0.0)
    trades["open_bar"] = np.where(closing, at - every, at)
    trades["seen_low"] = trades["seen_high"] = entry
    states = np.zeros(fills, STATE_DTYPE)
    states["bar"] = at
    states["realized"] = np.cumsum(gross - fee)
    states["size"] = np.where(closing, 0.0, quantity)
    states["entry_price"] = np.where(closing, 0.0, entry)
    states["margin"] = states["size"] * states["entry_price"]
    states["cash"] = CAPITAL + states["realized"] - states["margin"]
    orders = np.zeros(fills, ORDER_DTYPE)
    orders["bar"], orders["call"], orders["given"], orders["leverage"] = at, closing, 1, 1.0
    orders["amount"] = quantity
    for name in ("limit", "stop", "stop_loss", "take_profit"):
        orders[name] = np.nan
    ledger = Ledger(
        n_bars=n_bars,
        initial_capital=CAPITAL,
        orders=orders,
        outcomes=np.zeros(fills, np.uint8),
        phases=np.full(fills, 2, np.uint8),
        notes={},
        trades=trades,
        states=states,
    )
    return bars, ledger


def config(timeframe: Timeframe) -> BacktestConfig:
    return BacktestConfig.from_document(
        {
            "symbol": "BTCUSDT",
            "timeframe": str(timeframe),
            "start_date": "2023-01-01",
            "end_date": "2023-12-31",
        }
    )


def cpu_s(work: Callable[[], Any], repeats: int = 5) -> float:
    """The median CPU time of `work`."""
    spent = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return float(np.median(spent))


def year_of_minutes() -> dict[str, float]:
    """CPU seconds of each part for 525,600 bars and 52,560 fills, and MiB of memory and files."""
    bars, ledger = make_run(YEAR_BARS, Timeframe.M1)
    made = config(Timeframe.M1)
    results = BacktestResults.build(made, bars, ledger, 1.0)

    def files(names: tuple[str, ...] | None = None) -> int:
        contents = results.files()
        return sum(len(piece) for name in names or contents for piece in contents[name])

    numbers = {
        "series_trips_figures": cpu_s(lambda: BacktestResults.build(made, bars, ledger, 1.0)),
        "portfolio_csv": cpu_s(lambda: files(("portfolio.csv",))),
        "other_files": cpu_s(
            lambda: files(("trades.csv", "round_trips.csv", "orders.csv", "metrics.json"))
        ),
        "files_mib": files() / 2**20,
    }
    numbers["all"] = sum(
        numbers[name] for name in ("series_trips_figures", "portfolio_csv", "other_files")
    )
    tracemalloc.start()
    again = BacktestResults.build(made, bars, ledger, 1.0)
    for pieces in again.files().values():
        for _ in pieces:
            pass
    numbers["peak_mib"] = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return numbers


def week_of_hours() -> dict[str, float]:
    """CPU milliseconds for 168 bars and 34 fills, and of storing the files of one."""
    bars, ledger = make_run(WEEK_BARS, Timeframe.H1, every=5)
    made = config(Timeframe.H1)

    def whole() -> dict[str, bytes]:
        files = BacktestResults.build(made, bars, ledger, 1.0).files()
        return {name: b"".join(pieces) for name, pieces in files.items()}

    with tempfile.TemporaryDirectory() as directory:
        artifacts, files = Artifacts(Path(directory)), whole()
        return {
            "build_and_files_ms": cpu_s(lambda: [whole() for _ in range(50)]) / 50 * 1e3,
            "store_ms": cpu_s(
                lambda: [artifacts.store(new_backtest_id(), files) for _ in range(20)]
            )
            / 20
            * 1e3,
        }


def views_of_a_year() -> dict[str, float]:
    """CPU milliseconds of what pages and API ask of a stored year of 1m bars."""
    bars, ledger = make_run(YEAR_BARS, Timeframe.M1)
    results = BacktestResults.build(config(Timeframe.M1), bars, ledger, 1.0)
    day = 86_400_000
    with tempfile.TemporaryDirectory() as directory:
        artifacts = Artifacts(Path(directory))
        cache = SeriesCache(CacheSpace(Path(directory) / "cache"), artifacts)
        run = new_backtest_id()
        store = cpu_s(lambda: artifacts.store(run, results.files()), 1)
        save = cpu_s(lambda: cache.save(run, results.tables(), results.plots), 3)

        def view(start: int | None, end: int | None) -> bytes:
            series = cache.load(run)
            assert series is not None
            document = chart_document(series, bars, CAPITAL, start, end)
            return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)

        def points() -> int:
            series = cache.load(run)
            assert series is not None
            names = series.tables["portfolio"]
            return len(pick_points({n: series.numbers("portfolio", n) for n in names}, 2_000))

        numbers = {
            "store_ms": store * 1e3,
            "save_series_ms": save * 1e3,
            "whole_view_ms": cpu_s(lambda: view(None, None), 20) * 1e3,
            "day_view_ms": cpu_s(lambda: view(START_MS + 99 * day, START_MS + 100 * day), 20) * 1e3,
            "whole_view_kib": len(view(None, None)) / 1024,
            "points_ms": cpu_s(points, 20) * 1e3,
        }
        cache.forget(run)
        numbers["first_view_without_cache_ms"] = cpu_s(lambda: view(None, None), 1) * 1e3
        return numbers


def main() -> None:
    for measured in (year_of_minutes, week_of_hours, views_of_a_year):
        heading(measured.__name__.replace("_", " "))
        table(["what", "value"], [(name, f"{value:.3g}") for name, value in measured().items()])
