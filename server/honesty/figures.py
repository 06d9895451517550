"""What the daily returns of one run say by themselves, whatever else was tried.

Made once, in the worker, when the run ends; all of it is a function of the run's own rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.analysis.metrics import daily_returns
from engine.analysis.results import BacktestResults
from engine.bars import Floats
from engine.research.bootstrap import sharpe_interval
from engine.research.significance import (
    ZERO_STD,
    Sample,
    lag_one_autocorrelation,
    minimum_track_record_days,
    sample_of,
)

DAYS_A_YEAR = 365


def own_figures(results: BacktestResults) -> dict[str, Any]:
    """The part of `honesty` that needs no ledger, as JSON: ratios and moments per day.

    `reasons` says why a figure is None.
    """
    returns = returns_of(results)
    return of_returns(returns) | {"break_even_fee_rate": break_even_fee_rate(results)}


def returns_of(results: BacktestResults) -> Floats:
    """Daily returns; none at all of an account that was lost."""
    columns = results.columns
    return daily_returns(columns.timestamp, columns.portfolio_value, results.ledger.initial_capital)


def of_returns(returns: Floats) -> dict[str, Any]:
    """Sample, interval and autocorrelation of daily returns (T,)."""
    sample = sample_of(returns)
    figures: dict[str, Any] = {
        "days": len(returns),
        "sharpe": sharpe_of(returns),
        "skewness": None,
        "kurtosis": None,
        "min_trl_days": None,
        "sharpe_interval": None,
        "autocorrelation": None,
        "reason": sample if isinstance(sample, str) else "",
    }
    if isinstance(sample, Sample):
        low, high = sharpe_interval(returns)
        root = math.sqrt(DAYS_A_YEAR)
        figures |= {
            "skewness": sample.skewness,
            "kurtosis": sample.kurtosis,
            "min_trl_days": finite(minimum_track_record_days(sample)),
            "sharpe_interval": [low * root, high * root],
            "autocorrelation": lag_one_autocorrelation(returns),
        }
    return figures


def sharpe_of(returns: Floats) -> float | None:
    """Mean over standard deviation (ddof 1) of daily returns; None where they do not vary."""
    if len(returns) < 2:
        return None
    deviation = float(np.std(returns, ddof=1))
    if not math.isfinite(deviation) or deviation <= ZERO_STD:
        return None
    return float(np.mean(returns)) / deviation


def break_even_fee_rate(results: BacktestResults) -> float | None:
    """The fee rate at which the same quantities would have ended where they began.

    (V_end - V_0 + fees paid) / sum of the fills' notionals; None without fills.
    """
    trades = results.ledger.trades
    notionals = float((trades["quantity"] * trades["price"]).sum())
    if not len(trades) or notionals <= 0.0:
        return None
    value = results.columns.portfolio_value
    end = float(value[-1]) if len(value) else results.ledger.initial_capital
    gain = end - results.ledger.initial_capital + float(trades["fee"].sum())
    return finite(gain / notionals)


def finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None
