"""Small bars and runs for the engine's tests, written out so that they can be followed on paper."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from engine.account.ledger import ledger_of
from engine.account.records import Ledger
from engine.bars import NO_FUNDING, Bars, Funding
from engine.config import BacktestConfig
from engine.enums import Timeframe
from engine.run.backtest import Run
from engine.run.replay import replay
from engine.run.strategy import Strategy

START = datetime(2024, 1, 1, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)


def make_bars(
    rows: list[tuple[float, float, float, float]], timeframe: str = "1h", start_ms: int = START_MS
) -> Bars:
    """Bars of (open, high, low, close) rows, volume 1, one after the other."""
    frame = Timeframe(timeframe)
    columns = np.array(rows, dtype=np.float64).T
    times = start_ms + frame.ms * np.arange(len(rows), dtype=np.int64)
    return Bars("BTCUSDT", frame, times, *columns, np.ones(len(rows)))


def flat_bars(closes: list[float], timeframe: str = "1h") -> Bars:
    """Bars whose four prices are all the close."""
    return make_bars([(c, c, c, c) for c in closes], timeframe)


def make_config(**fields: Any) -> BacktestConfig:
    """A configuration without fees unless said otherwise."""
    document: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "timeframe": "1h",
        "start_date": "2024-01-01",
        "end_date": "2024-01-31",
        "fee_rate": 0.0,
    }
    return BacktestConfig.from_document(document | fields)


def run_script(
    bars: Bars,
    script: dict[int, Any],
    *,
    settled: Funding = NO_FUNDING,
    on_fill: Any = None,
    **fields: Any,
) -> tuple[Ledger, list[Any]]:
    """Run a strategy that calls `script[bar](self)` at those bars; (ledger, what they returned).

    The ledger is checked to be the same when the order calls are replayed.
    """
    results: list[Any] = []

    class Scripted(Strategy):
        def on_data(self, data: Any) -> None:
            step = script.get(self._run.broker.i)
            if step is not None:
                results.append(step(self))

    if on_fill is not None:
        Scripted.on_fill = lambda self, trade: on_fill(self, trade)  # type: ignore[method-assign]
    config = make_config(timeframe=str(bars.timeframe), **fields)
    run = Run(config, bars, settled)
    run.execute(Scripted)
    ledger = ledger_of(run.broker, len(bars), {})
    again = replay(config, bars, settled, run.orders(), len(bars))
    assert again.trades.tobytes() == ledger.trades.tobytes()
    assert again.states.tobytes() == ledger.states.tobytes()
    assert again.outcomes.tobytes() == ledger.outcomes.tobytes()
    return ledger, results
