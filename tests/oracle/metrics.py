"""The key figures of the contract's section 7, from the rows, one plain step at a time."""

from __future__ import annotations

import math
from typing import Any

from engine.bars import Bars
from engine.config import BacktestConfig
from engine.enums import DAY_MS
from tests.oracle.account import Row

NO_VARIANCE = 1e-12
AT_PEAK = 1e-9
NO_DRAWDOWN = -1e-9
TAIL = 1e-12


def oracle_metrics(
    config: BacktestConfig,
    bars: Bars,
    portfolio: list[dict[str, float]],
    rows: list[Row],
    funding_paid: float,
    rejected: int,
) -> dict[str, Any]:
    """Metrics by name; an undefined one is None. Without `duration_seconds`."""
    count = len(portfolio)
    values = [row["portfolio_value"] for row in portfolio]
    times = [int(t) for t in bars.timestamp[:count]]
    step = config.timeframe.ms
    start = config.initial_capital
    end = values[-1]
    closing = [row for row in rows if row.closing]
    opening = [row for row in rows if not row.closing]
    pnls = [row.pnl for row in closing]
    wins = [pnl for pnl in pnls if pnl > 0.0]
    losses = [pnl for pnl in pnls if pnl < 0.0]
    leverages = [row.leverage for row in opening]
    days = (times[-1] + step - times[0]) / DAY_MS
    cagr = None
    if days >= 1.0:
        try:
            cagr = -100.0 if end <= 0.0 else ((end / start) ** (365.0 / days) - 1.0) * 100.0
        except OverflowError:
            cagr = None
    worst = max_drawdown(start, values)
    figures: dict[str, Any] = {
        "total_return": (end / start - 1.0) * 100.0,
        "cagr": cagr,
        **daily_figures(start, values, times),
        "calmar_ratio": None if cagr is None or worst > NO_DRAWDOWN else cagr / abs(worst),
        "max_drawdown": worst,
        "max_drawdown_duration": drawdown_days(start, values, times, step),
        "total_trades": len(rows),
        "closed_trades": len(closing),
        "win_rate": len(wins) / len(closing) * 100.0 if closing else None,
        "profit_factor": sum(wins) / abs(sum(losses)) if losses else None,
        "avg_win": mean(wins),
        "avg_loss": mean(losses),
        "expectancy": mean(pnls),
        "best_trade": max(pnls, default=None),
        "worst_trade": min(pnls, default=None),
        "liquidations": sum(row.action == "liquidation" for row in rows),
        "rejected_orders": rejected,
        "avg_leverage": mean(leverages),
        "max_leverage": max(leverages, default=None),
        "exposure_time": sum(row["position_size"] != 0.0 for row in portfolio) / count * 100.0,
        "fees_paid": sum(row.fee for row in rows),
        "funding_paid": funding_paid,
        "buy_and_hold_return": (float(bars.close[count - 1]) / float(bars.open[0]) - 1.0) * 100.0,
        "sqn": None,
        "bars": count,
    }
    spread = deviation(pnls)
    if spread is not None and spread > NO_VARIANCE:
        figures["sqn"] = math.sqrt(len(pnls)) * sum(pnls) / len(pnls) / spread
    return {
        name: None if isinstance(x, float) and not math.isfinite(x) else x
        for name, x in figures.items()
    }


def daily_figures(start: float, values: list[float], times: list[int]) -> dict[str, float | None]:
    names = "sharpe_ratio sortino_ratio volatility value_at_risk_95 conditional_value_at_risk_95"
    figures: dict[str, float | None] = dict.fromkeys(names.split())
    last_of_day: dict[int, float] = {}
    for time, value in zip(times, values, strict=True):
        last_of_day[time // DAY_MS] = value
    ends = [last_of_day[day] for day in sorted(last_of_day)]
    if len(ends) < 2 or min(ends) <= 0.0:
        return figures
    returns = [
        after / before - 1.0 for before, after in zip([start, *ends[:-1]], ends, strict=True)
    ]
    average = sum(returns) / len(returns)
    spread = deviation(returns)
    assert spread is not None
    downside = math.sqrt(sum(min(r, 0.0) ** 2 for r in returns) / len(returns))
    if spread > NO_VARIANCE:
        figures["sharpe_ratio"] = average / spread * math.sqrt(365.0)
    if downside > NO_VARIANCE:
        figures["sortino_ratio"] = average / downside * math.sqrt(365.0)
    figures["volatility"] = spread * math.sqrt(365.0) * 100.0
    ordered = sorted(returns)
    rank = 0.05 * (len(ordered) - 1)
    below = math.floor(rank)
    percentile = ordered[below] + (rank - below) * (ordered[below + 1] - ordered[below])
    tail = [r for r in ordered if r <= percentile + TAIL]
    figures["value_at_risk_95"] = percentile * 100.0
    figures["conditional_value_at_risk_95"] = sum(tail) / len(tail) * 100.0
    return figures


def max_drawdown(start: float, values: list[float]) -> float:
    peak, worst = start, 0.0
    for value in values:
        peak = max(peak, value)
        worst = min(worst, value / peak - 1.0)
    return worst * 100.0


def drawdown_days(start: float, values: list[float], times: list[int], step: int) -> float:
    peak, at_peak, longest, below = start, times[0], 0, False
    for value, time in zip(values, times, strict=True):
        close_time = time + step
        was_below, below = below, peak - value > AT_PEAK * peak
        if below or was_below:
            longest = max(longest, close_time - at_peak)
        if not below:
            at_peak = close_time
            if value - peak > AT_PEAK * peak:
                peak = value
    return longest / DAY_MS


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def deviation(values: list[float]) -> float | None:
    """The sample standard deviation; None for fewer than two values."""
    if len(values) < 2:
        return None
    average = sum(values) / len(values)
    return math.sqrt(sum((x - average) ** 2 for x in values) / (len(values) - 1))
