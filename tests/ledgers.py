"""Hand-made bars and ledgers for tests: only the numbers that a test is about need be given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.account.records import (
    ACTIONS,
    CALLS,
    ORDER_DTYPE,
    OUTCOMES,
    PHASES,
    REASONS,
    SIDES,
    STATE_DTYPE,
    TRADE_DTYPE,
    Ledger,
)
from engine.bars import Bars
from engine.config import BacktestConfig
from engine.enums import Timeframe

START_MS = 1_704_067_200_000  # 2024-01-01T00:00Z
CONFIG = BacktestConfig("BTCUSDT", Timeframe.H1, "2024-01-01", "2024-12-31")  # type: ignore[arg-type]
_CODES = {
    "action": ACTIONS,
    "side": SIDES,
    "reason": REASONS,
    "phase": PHASES,
    "call": CALLS,
}


def bars_of(
    close: Sequence[float],
    *,
    open: Sequence[float] | None = None,
    high: Sequence[float] | None = None,
    low: Sequence[float] | None = None,
    timestamp: Sequence[int] | None = None,
    timeframe: Timeframe = Timeframe.H1,
) -> Bars:
    """Bars that open at the close before (the first at its own), without gaps unless told."""
    closes = np.asarray(close, dtype=float)
    opens = np.concatenate((closes[:1], closes[:-1])) if open is None else np.asarray(open, float)
    return Bars(
        "BTCUSDT",
        timeframe,
        timestamp=np.asarray(
            START_MS + timeframe.ms * np.arange(len(closes)) if timestamp is None else timestamp
        ),
        open=opens,
        high=np.maximum(opens, closes) if high is None else np.asarray(high, float),
        low=np.minimum(opens, closes) if low is None else np.asarray(low, float),
        close=closes,
        volume=np.ones(len(closes)),
    )


def records(dtype: np.dtype[Any], rows: Sequence[Mapping[str, Any]]) -> np.ndarray[Any, Any]:
    """A structured array; words become their codes, what a row leaves out is 0 (orders: NaN)."""
    array = np.zeros(len(rows), dtype)
    if dtype == ORDER_DTYPE:
        for name in ("amount", "leverage", "limit", "stop", "stop_loss", "take_profit"):
            array[name] = np.nan
    for i, row in enumerate(rows):
        for name, value in row.items():
            array[name][i] = _CODES[name].index(value) if isinstance(value, str) else value
    return array


def ledger_of(
    n_bars: int,
    *,
    capital: float = 1000.0,
    trades: Sequence[Mapping[str, Any]] = (),
    states: Sequence[Mapping[str, Any]] = (),
    orders: Sequence[Mapping[str, Any]] = (),
    outcomes: Sequence[str] = (),
    phases: Sequence[str] = (),
    **more: Any,
) -> Ledger:
    return Ledger(
        n_bars=n_bars,
        initial_capital=capital,
        orders=records(ORDER_DTYPE, orders),
        outcomes=np.array([OUTCOMES.index(word) for word in outcomes], np.uint8),
        phases=np.array([PHASES.index(word) for word in phases], np.uint8),
        trades=records(TRADE_DTYPE, trades),
        states=records(STATE_DTYPE, states),
        **{"notes": {}, **more},
    )
