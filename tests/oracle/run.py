"""run_oracle: one strategy over bars and funding, to rows and figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from engine.bars import NO_FUNDING, Bars, Funding
from engine.config import MAX_ACCOUNT_NUMBER, BacktestConfig
from tests.oracle.account import Row
from tests.oracle.broker import Broker, Order
from tests.oracle.metrics import oracle_metrics
from tests.oracle.strategy import Strategy


@dataclass
class OracleResult:
    """What one run came to. `error` is what ended it early; rows up to then are kept."""

    rows: list[Row]
    portfolio: list[dict[str, float]]
    orders: list[Order]
    rejections: list[Order]
    rejection_times: list[int]
    dropped: int
    funding_paid: float
    metrics: dict[str, Any] | None
    error: Exception | None

    @property
    def overflown(self) -> bool:
        """Whether a number in the portfolio is beyond what floats count exactly."""
        return any(
            abs(number) > MAX_ACCOUNT_NUMBER for row in self.portfolio for number in row.values()
        )

    @property
    def trades(self) -> list[dict[str, Any]]:
        return [_without_infinity(row.as_dict()) for row in self.rows]

    @property
    def round_trips(self) -> list[dict[str, Any]]:
        trips = [row.round_trip for row in self.rows if row.round_trip is not None]
        return [_without_infinity(trip) for trip in trips]


def run_oracle(
    config: BacktestConfig,
    bars: Bars,
    strategy_class: type[Strategy],
    funding: Funding = NO_FUNDING,
) -> OracleResult:
    """Run an ordinary strategy class; exceptions of the run are returned, not raised."""
    broker = Broker(config, bars, funding)
    error: Exception | None = None
    strategy = strategy_class()
    strategy._broker = broker
    for name, value in config.params.items():
        setattr(strategy, name, value)
    try:
        broker.play(strategy)
    except Exception as caught:
        error = caught
    metrics = None
    if broker.portfolio_rows:
        metrics = oracle_metrics(
            config,
            bars,
            broker.portfolio_rows,
            broker.account.rows,
            broker.account.funding_paid,
            len(broker.rejections),
        )
    return OracleResult(
        rows=broker.account.rows,
        portfolio=broker.portfolio_rows,
        orders=broker.orders,
        rejections=broker.rejections,
        rejection_times=broker.rejection_times,
        dropped=broker.dropped,
        funding_paid=broker.account.funding_paid,
        metrics=metrics,
        error=error,
    )


def _without_infinity(row: dict[str, Any]) -> dict[str, Any]:
    """The row as a file shows it: infinite leverage is no number there."""
    return {name: math.nan if value == math.inf else value for name, value in row.items()}
