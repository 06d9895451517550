"""Engine against oracle on real Binance bars, an exchange outage among them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.analysis.results import BacktestResults
from engine.bars import NO_FUNDING, Bars, Funding
from engine.history.store import Store
from engine.run.backtest import Run
from engine.run.replay import replay
from engine.run.strategy import Strategy
from tests.engine.builders import make_config
from tests.oracle.compare import near
from tests.oracle.run import run_oracle
from tests.oracle.strategy import Strategy as OracleStrategy

OUTAGE = (date(2023, 3, 23), date(2023, 3, 25))


def mean_cross(base: Any, leverage: float) -> Any:
    """Long above the mean of 20 closes, else short (flat in spot), stops and a limit beside it."""

    class MeanCross(base):  # type: ignore[misc]
        def initialize(self) -> None:
            self.closes: list[float] = []

        def on_data(self, data: Any) -> None:
            self.closes.append(data["close"])
            if len(self.closes) < 20:
                return
            mean = sum(self.closes[-20:]) / 20.0
            price, size = self.current_price, self.get_position_size()
            if price > mean and size <= 0.0:
                self.target_percent(90.0, leverage)
                self.set_stop_loss(price * 0.985)
                self.set_take_profit(price * 1.03)
            elif price < mean and size >= 0.0:
                if leverage > 1.0:
                    self.target_percent(-90.0, leverage)
                    self.set_trailing_stop(price * 0.01)
                else:
                    self.close_position()
                self.cancel_orders()
                self.buy(0.001, limit=price * 0.98)

    return MeanCross


def agree(bars: Bars, settlements: Funding, leverage: float, **fields: Any) -> BacktestResults:
    config = make_config(
        timeframe=str(bars.timeframe), symbol=bars.symbol, fee_rate=0.0004, slippage_bps=1.0,
        max_leverage=leverage, **fields,
    )  # fmt: skip
    run = Run(config, bars, settlements)
    run.execute(mean_cross(Strategy, leverage))
    ledger = replay(config, bars, settlements, run.orders(), len(bars))
    results = BacktestResults.build(config, bars, ledger, 0.0)
    oracle = run_oracle(config, bars, mean_cross(OracleStrategy, leverage), settlements)
    assert oracle.error is None
    for frame, rows in (
        (results.trades, oracle.trades),
        (results.portfolio, oracle.portfolio),
        (results.round_trips, oracle.round_trips),
    ):
        assert len(frame) == len(rows)
        for mine, theirs in zip(frame.to_dict("records"), rows, strict=True):
            for name, value in mine.items():
                assert near(value, theirs[name], 10_000.0), (name, mine, theirs)
    for name, figure in (oracle.metrics or {}).items():
        assert near(results.metrics[name], figure, relative=1e-6), name
    return results


@pytest.fixture(scope="module")
def store(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(real_data, tmp_path_factory.mktemp("cache"))


@pytest.mark.parametrize("fill", ["close", "next_open"])
def test_three_months_of_leveraged_futures_with_funding(store: Store, fill: str):
    start, end = date(2024, 1, 1), date(2024, 3, 31)
    bars = store.load("BTCUSDT", "1h", "futures", start, end).bars
    funding, _ = store.funding("BTCUSDT", start, end, bars)
    results = agree(
        bars, funding, 20.0, fill=fill, trading_mode="futures", funding=True,
    )  # fmt: skip
    assert len(results.trades) > 100
    assert results.metrics["funding_paid"] != 0.0


def test_a_year_of_spot_on_four_hour_bars(store: Store):
    bars = store.load("BTCUSDT", "4h", "spot", date(2022, 1, 1), date(2022, 12, 31)).bars
    assert len(agree(bars, NO_FUNDING, 1.0).trades) > 50


def test_an_outage_with_empty_and_missing_bars_is_traded_through_at_its_prices(store: Store):
    # On 2023-03-24 spot stood still: 72 bars without volume from 11:28 UTC, then none to 14:00.
    bars = store.load("BTCUSDT", "1m", "spot", *OUTAGE).bars
    steps = np.diff(bars.timestamp)
    assert (bars.volume == 0.0).sum() >= 72
    assert steps.max() > bars.timeframe.ms
    results = agree(bars, NO_FUNDING, 1.0)
    assert len(results.trades) > 50
    assert len(results.portfolio) == len(bars)
