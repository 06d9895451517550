"""One pure function per figure of a backtest; percentages are in percent, money in quote.

`value` is the portfolio value at bar closes, shape (n_bars,), and `capital` the money before
the first bar. Crypto trades every day of the year, so a year has 365 daily returns. A figure
that is undefined is NaN here and None in the document that `compute_metrics` makes of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.account.records import ACTIONS, Ledger
from engine.analysis.accounting import PortfolioColumns
from engine.analysis.metric_table import METRICS
from engine.bars import Bars, Floats, Times
from engine.enums import DAY_MS

DAYS_A_YEAR = 365
ZERO_DEVIATION = 1e-12  # a standard deviation up to this is rounding noise, not risk
# A value within this share of a peak stands at it: neither under water nor a new peak. What is
# less than that came of rounding, as a fee and a profit that cancel out.
AT_PEAK = 1e-9
NO_DRAWDOWN_PCT = -1e-9  # a drawdown above this is none; nothing is measured by it
TAIL_TOLERANCE = 1e-12  # a daily return this far above the 5th percentile is at it
DEEPEST = 10
_LIQUIDATION = ACTIONS.index("liquidation")

Metrics = dict[str, float | int | None]


def compute_metrics(
    bars: Bars, ledger: Ledger, columns: PortfolioColumns, duration_seconds: float
) -> Metrics:
    """Every figure of `metrics.json`, in its order, over the bars that were run.

    Undefined ones are None, so that the document is JSON as it stands.
    """
    run = bars.slice(0, ledger.n_bars)
    value, capital, trades = columns.portfolio_value, ledger.initial_capital, ledger.trades
    returns = daily_returns(run.timestamp, value, capital)
    pnl = trades["pnl"][trades["closing"] != 0]
    opened_at = trades["leverage"][trades["closing"] == 0]
    grown = cagr(value, capital, days_run(run))
    deepest = max_drawdown(value, capital)
    figures: dict[str, float | int] = {
        "total_return": total_return(value, capital),
        "cagr": grown,
        "sharpe_ratio": sharpe_ratio(returns),
        "sortino_ratio": sortino_ratio(returns),
        "calmar_ratio": calmar_ratio(grown, deepest),
        "max_drawdown": deepest,
        "max_drawdown_duration": max_drawdown_duration(run, value, capital),
        "volatility": volatility(returns),
        "total_trades": len(trades),
        "closed_trades": len(pnl),
        "win_rate": win_rate(pnl),
        "profit_factor": profit_factor(pnl),
        "avg_win": mean(pnl[pnl > 0]),
        "avg_loss": mean(pnl[pnl < 0]),
        "expectancy": mean(pnl),
        "best_trade": float(pnl.max()) if len(pnl) else math.nan,
        "worst_trade": float(pnl.min()) if len(pnl) else math.nan,
        "liquidations": int(np.count_nonzero(trades["action"] == _LIQUIDATION)),
        "rejected_orders": ledger.rejected_count,
        "avg_leverage": mean(opened_at),
        "max_leverage": float(opened_at.max()) if len(opened_at) else math.nan,
        "exposure_time": exposure_time(columns.position_size),
        "fees_paid": float(trades["fee"].sum()),
        "funding_paid": float(ledger.funding_paid),
        "buy_and_hold_return": buy_and_hold_return(run),
        "value_at_risk_95": value_at_risk(returns),
        "conditional_value_at_risk_95": conditional_value_at_risk(returns),
        "sqn": sqn(pnl),
        "bars": len(run),
        "duration_seconds": float(duration_seconds),
    }
    return {name: figures[name] if math.isfinite(figures[name]) else None for name in METRICS}


def daily_returns(timestamp: Times, value: Floats, capital: float) -> Floats:
    """Simple returns from one UTC day's last value to the next one's, the first over `capital`.

    A bar belongs to the day that it opens in. Idle days count, a day without bars is spanned.
    When a day ends with nothing left there are no returns at all, and whatever is computed from
    them is undefined: no ratio describes an account that was lost.
    """
    _, ends = daily_values(timestamp, value)
    if not np.all(ends > 0):
        return np.empty(0)
    with np.errstate(over="ignore"):
        return ends / np.concatenate(([capital], ends[:-1])) - 1.0


def daily_values(timestamp: Times, value: Floats) -> tuple[Times, Floats]:
    """Each UTC day that a bar opens in, as days since the epoch, and its last value."""
    days = timestamp // DAY_MS
    last = _last_of_each(days)
    return days[last], value[last]


def total_return(value: Floats, capital: float) -> float:
    return (float(value[-1]) / capital - 1.0) * 100.0 if len(value) else math.nan


def days_run(bars: Bars) -> float:
    """Days from the first bar's open to the last bar's close."""
    if len(bars) == 0:
        return 0.0
    return float(bars.timestamp[-1] + bars.timeframe.ms - bars.timestamp[0]) / DAY_MS


def cagr(value: Floats, capital: float, days: float) -> float:
    """Growth of a year at the run's pace; -100 after a total loss, undefined under one day."""
    if len(value) == 0 or days < 1.0:
        return math.nan
    if value[-1] <= 0.0:
        return -100.0
    try:
        return (math.pow(float(value[-1]) / capital, DAYS_A_YEAR / days) - 1.0) * 100.0
    except OverflowError:
        return math.nan


def sharpe_ratio(returns: Floats) -> float:
    """Mean over standard deviation of daily returns, annualised; the risk-free rate is 0."""
    deviation = _deviation(returns)
    if not deviation > ZERO_DEVIATION:
        return math.nan
    return float(returns.mean()) / deviation * math.sqrt(DAYS_A_YEAR)


def sortino_ratio(returns: Floats) -> float:
    """Mean over the root mean square of the losing days, gains counting as 0, annualised."""
    if len(returns) < 2:
        return math.nan
    downside = math.sqrt(float(np.square(np.minimum(returns, 0.0)).mean()))
    if not downside > ZERO_DEVIATION:
        return math.nan
    return float(returns.mean()) / downside * math.sqrt(DAYS_A_YEAR)


def volatility(returns: Floats) -> float:
    return _deviation(returns) * math.sqrt(DAYS_A_YEAR) * 100.0


def calmar_ratio(annual: float, deepest: float) -> float:
    """`cagr` over the depth of the maximum drawdown, both in percent; undefined without one."""
    return annual / abs(deepest) if deepest <= NO_DRAWDOWN_PCT else math.nan


def running_peak(value: Floats, capital: float) -> Floats:
    """The highest value so far at each close, `capital` included: shape (n_bars,)."""
    return np.maximum(np.maximum.accumulate(value), capital)


def max_drawdown(value: Floats, capital: float) -> float:
    """The deepest fall from a running peak, at most 0."""
    if len(value) == 0:
        return math.nan
    return (float((value / running_peak(value, capital)).min()) - 1.0) * 100.0


def max_drawdown_duration(bars: Bars, value: Floats, capital: float) -> float:
    """Days of the longest drawdown: from the last close at its peak to the one that regains it.

    A drawdown from the capital that no close stood at begins with the first open; one that is not
    regained lasts to the last close.
    """
    if len(value) == 0:
        return math.nan
    found = _falls(bars, value, capital)
    return float((found.end_ms - found.start_ms).max()) / DAY_MS if len(found.first) else 0.0


def drawdowns(bars: Bars, value: Floats, capital: float) -> list[dict[str, Any]]:
    """The ten deepest drawdowns, deepest first: `start`, `bottom`, `end`, `depth_pct`, `days`.

    Times are closes in ms (the start of a fall from the capital itself: the first open); `end`
    is None while the peak is not regained, and `days` then run to the last close.
    """
    if len(value) == 0:
        return []
    found = _falls(bars, value, capital)
    if len(found.first) == 0:
        return []
    relative = value / running_peak(value, capital) - 1.0
    edges = np.stack([found.first, found.after], axis=1).ravel()
    depth = np.minimum.reduceat(relative, edges[edges < len(value)])[::2]
    documents = []
    for i in np.argsort(depth, kind="stable")[:DEEPEST].tolist():
        first, after = int(found.first[i]), int(found.after[i])
        bottom = first + int(np.argmin(relative[first:after]))
        documents.append(
            {
                "start": int(found.start_ms[i]),
                "bottom": int(bars.timestamp[bottom]) + bars.timeframe.ms,
                "end": int(found.end_ms[i]) if after < len(value) else None,
                "depth_pct": float(depth[i]) * 100.0,
                "days": float(found.end_ms[i] - found.start_ms[i]) / DAY_MS,
            }
        )
    return documents


@dataclass(frozen=True, eq=False)
class _Falls:
    """Stretches of bars [first, after) below a peak, and when each began and was over, in ms."""

    first: npt.NDArray[np.int64]
    after: npt.NDArray[np.int64]
    start_ms: Times
    end_ms: Times


def _falls(bars: Bars, value: Floats, capital: float) -> _Falls:
    """Every stretch below its peak.

    It starts at the last close that stood at the peak (the first open when that is the capital
    and no close stood there): time spent idle at a peak is no part of the fall that follows.
    """
    close_ms = bars.timestamp[: len(value)] + bars.timeframe.ms
    peak = _peaks(value, capital)
    below = peak - value > AT_PEAK * peak
    turns = np.flatnonzero(np.diff(below, prepend=False, append=False))
    first, after = turns[::2], turns[1::2]
    start_ms = np.where(first > 0, close_ms[first - 1], bars.timestamp[0])
    end_ms = close_ms[np.minimum(after, len(value) - 1)]
    return _Falls(first, after, start_ms, end_ms)


def _peaks(value: Floats, capital: float) -> Floats:
    """The peak in force at each close; one is replaced by a value above it by over AT_PEAK."""
    highest = running_peak(value, capital)
    rises = np.flatnonzero(np.diff(highest, prepend=capital))
    peak, peaks = capital, []
    for record in highest[rises].tolist():
        if record - peak > AT_PEAK * peak:
            peak = record
        peaks.append(peak)
    lengths = np.diff(rises, prepend=0, append=len(value))
    return np.repeat([capital, *peaks], lengths)


def monthly_returns(timestamp: Times, value: Floats, capital: float) -> list[dict[str, Any]]:
    """`month` (YYYY-MM, UTC) and `return_pct` of each month with bars, the first over `capital`.

    A month without bars is spanned; `return_pct` is None after a month that ended at nothing.
    """
    months = timestamp.astype("datetime64[ms]").astype("datetime64[M]")
    last = _last_of_each(months.astype(np.int64))
    ends = value[last]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        returns = (ends / np.concatenate(([capital], ends[:-1])) - 1.0) * 100.0
    return [
        {"month": str(month), "return_pct": figure if math.isfinite(figure) else None}
        for month, figure in zip(months[last], returns.tolist(), strict=True)
    ]


def win_rate(pnl: Floats) -> float:
    return float(np.count_nonzero(pnl > 0)) / len(pnl) * 100.0 if len(pnl) else math.nan


def profit_factor(pnl: Floats) -> float:
    """Money won over money lost; undefined without losses."""
    lost = -float(pnl[pnl < 0].sum())
    return float(pnl[pnl > 0].sum()) / lost if lost > 0 else math.nan


def mean(numbers: Floats) -> float:
    return float(numbers.mean()) if len(numbers) else math.nan


def exposure_time(size: Floats) -> float:
    """Share of the bars that closed with a position."""
    return float(np.count_nonzero(size)) / len(size) * 100.0 if len(size) else math.nan


def buy_and_hold_return(bars: Bars) -> float:
    if len(bars) == 0:
        return math.nan
    return (float(bars.close[-1]) / float(bars.open[0]) - 1.0) * 100.0


def value_at_risk(returns: Floats) -> float:
    """The 5th percentile of the daily returns, linearly interpolated."""
    return float(np.percentile(returns, 5.0)) * 100.0 if len(returns) > 1 else math.nan


def conditional_value_at_risk(returns: Floats) -> float:
    """The mean of the daily returns at or below the 5th percentile (+ TAIL_TOLERANCE)."""
    if len(returns) < 2:
        return math.nan
    return mean(returns[returns <= np.percentile(returns, 5.0) + TAIL_TOLERANCE]) * 100.0


def sqn(pnl: Floats) -> float:
    """System quality number (Van Tharp): how many standard errors the mean trade is above 0."""
    deviation = _deviation(pnl)
    if not deviation > ZERO_DEVIATION:
        return math.nan
    return math.sqrt(len(pnl)) * float(pnl.mean()) / deviation


def _deviation(numbers: Floats) -> float:
    """The sample standard deviation (ddof 1); NaN of fewer than two numbers."""
    return float(numbers.std(ddof=1)) if len(numbers) > 1 else math.nan


def _last_of_each(group: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Index of the last element of each run of equal numbers."""
    if len(group) == 0:
        return np.empty(0, np.int64)
    return np.append(np.flatnonzero(np.diff(group)), len(group) - 1)
