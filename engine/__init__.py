"""The backtesting engine: bars and a strategy in, results out. Knows no users, files or HTTP.

The life of one bar, in order:

1. Funding that settled in the bar, or since the last one, is paid at its open.
2. A position whose liquidation price the open has reached is liquidated there.
3. Orders queued by the bar before (`fill = next_open`) take effect at the open.
4. The price path is walked, worse extreme first for whoever holds a position, and takes
   liquidation, stops, targets and resting orders as it reaches them.
5. `on_data(bar)` is called; its market orders fill at the close (`fill = close`).
6. The account is marked at the close.

Steps 1 to 4 are `orders.step_bar`; most bars skip them, because the broker keeps the nearest
prices at which anything could happen. Step 6 happens after the run, for all bars at once, in
`accounting`. The modules on that path can be compiled (`engine.compiled`): one source, two speeds.
"""

from typing import TYPE_CHECKING, Any

from engine.account.portfolio import Portfolio
from engine.account.position import Position
from engine.account.trade import Trade
from engine.bars import NO_FUNDING, Bars, Funding
from engine.config import BacktestConfig, ConfigLimits
from engine.enums import (
    ActionType,
    FillRule,
    LookaheadCheck,
    PositionType,
    Timeframe,
    TradingMode,
)
from engine.errors import (
    BacktestError,
    BacktestException,
    CalculationError,
    ConfigurationError,
    DataError,
    InsufficientFundsError,
    PositionNotFoundError,
    StrategyError,
    ValidationError,
)
from engine.run.backtest import Run, run_backtest
from engine.run.strategy import Strategy

if TYPE_CHECKING:
    from engine.analysis.results import BacktestResults

SPOT = TradingMode.SPOT
FUTURES = TradingMode.FUTURES

__all__ = [
    "FUTURES",
    "NO_FUNDING",
    "SPOT",
    "ActionType",
    "BacktestConfig",
    "BacktestError",
    "BacktestException",
    "BacktestResults",
    "Bars",
    "CalculationError",
    "ConfigLimits",
    "ConfigurationError",
    "DataError",
    "FillRule",
    "Funding",
    "InsufficientFundsError",
    "LookaheadCheck",
    "Portfolio",
    "Position",
    "PositionNotFoundError",
    "PositionType",
    "Run",
    "Strategy",
    "StrategyError",
    "Timeframe",
    "Trade",
    "TradingMode",
    "ValidationError",
    "run_backtest",
]


def __getattr__(name: str) -> Any:
    """BacktestResults on first use: the sandbox imports this package and has no need of it."""
    if name == "BacktestResults":
        from engine.analysis.results import BacktestResults

        return BacktestResults
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
