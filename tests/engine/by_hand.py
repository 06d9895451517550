"""Play a few bars through the engine, its replay and the oracle, and read what came out.

Every worked example goes through all of them: the numbers in a test pin the oracle too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.analysis.results import BacktestResults
from engine.bars import NO_FUNDING, Bars, Funding
from engine.run.backtest import Run
from engine.run.replay import replay
from engine.run.strategy import Strategy
from tests.engine.builders import make_config
from tests.oracle.compare import near
from tests.oracle.run import run_oracle
from tests.oracle.strategy import Strategy as OracleStrategy

Step = Callable[[Any], Any]


@dataclass
class Played:
    """`fills`: (bar, action, quantity, price, reason, phase) of every trade row."""

    results: BacktestResults
    answers: list[Any]

    @property
    def fills(self) -> list[tuple[Any, ...]]:
        rows = self.results.ledger.trades["bar"].tolist()
        names = ["action", "quantity", "price", "reason", "phase"]
        table = self.results.trades[names].itertuples(index=False)
        return [(bar, *row) for bar, row in zip(rows, table, strict=True)]

    @property
    def outcomes(self) -> list[str]:
        return list(self.results.orders["outcome"])

    def column(self, name: str) -> list[float]:
        """A column of portfolio.csv, else of trades.csv."""
        if name in self.results.portfolio:
            return list(self.results.portfolio[name])
        return list(self.results.trades[name])

    @property
    def rejected(self) -> list[tuple[int, str]]:
        """(bar, call) of every rejection."""
        times = self.results.bars.timestamp.tolist()
        first = self.results.ledger.rejected_first
        return [(times.index(item.timestamp), item.action) for item in first]


def play(
    bars: Bars,
    script: dict[int, Step],
    *,
    on_fill: Callable[[Any, dict[str, Any]], Any] | None = None,
    settlements: Funding = NO_FUNDING,
    **fields: Any,
) -> Played:
    """Run `script[bar](strategy)` at those bars, everywhere; fees are 0 unless given."""
    config = make_config(timeframe=str(bars.timeframe), **fields)

    def made(base: Any, answers: list[Any]) -> Any:
        class Scripted(base):  # type: ignore[misc]
            bar = -1

            def on_data(self, data: Any) -> None:
                type(self).bar += 1
                step = script.get(type(self).bar)
                if step is not None:
                    answers.append(step(self))

            def on_fill(self, trade: dict[str, Any]) -> None:
                if on_fill is not None:
                    on_fill(self, trade)

        return Scripted

    answers: list[Any] = []
    run = Run(config, bars, settlements)
    run.execute(made(Strategy, answers))
    ledger = replay(config, bars, settlements, run.orders(), len(bars))
    assert ledger.trades.tobytes() == run.broker.rows.records().tobytes()
    results = BacktestResults.build(config, bars, ledger, 0.0)
    _compare_with_oracle(results, run_oracle(config, bars, made(OracleStrategy, []), settlements))
    return Played(results, answers)


def _compare_with_oracle(results: BacktestResults, oracle: Any) -> None:
    assert oracle.error is None
    for frame, rows in (
        (results.trades, oracle.trades),
        (results.portfolio, oracle.portfolio),
        (results.round_trips, oracle.round_trips),
    ):
        assert len(frame) == len(rows)
        for mine, theirs in zip(frame.to_dict("records"), rows, strict=True):
            assert all(near(mine[name], theirs[name]) for name in mine), (mine, theirs)
    metrics = {k: v for k, v in results.metrics.items() if k != "duration_seconds"}
    for name, figure in metrics.items():
        assert near(figure, oracle.metrics[name], relative=1e-6), name
