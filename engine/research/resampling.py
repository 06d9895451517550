"""What else the same trades and the same days could have come to.

Trades are given as shares: a closed trade's pnl over the account's value before the position was
opened, compounded one after another. Every p is (1 + #) / (1 + R), # the samples at least as good
as what was observed, so that no p is 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.bars import Floats
from engine.research.bootstrap import (
    block_length,
    resampled,
    sharpe_ratios,
)

MIN_TRADES = 5
SKIPPED_SHARES = (0.05, 0.10, 0.20)
BEST_LEFT_OUT = (1, 3, 5)
PERCENTILES = (5, 25, 50, 75, 95)
DAYS_PER_YEAR = 365
_TIE = 1e-12
_BATCH_VALUES = 4_000_000


@dataclass(frozen=True)
class Spread:
    """Percentiles (PERCENTILES) of a figure over the samples, beside what was `observed`."""

    observed: float
    percentiles: tuple[float, ...]

    @classmethod
    def of(cls, observed: float, samples: Floats) -> Spread:
        shown = np.percentile(samples, PERCENTILES)
        return cls(observed, tuple(float(value) for value in shown))


def p_value(observed: float, samples: Floats) -> float:
    """(1 + #) / (1 + R), # the samples that are at least `observed`, up to 1e-12."""
    return float(1 + np.count_nonzero(samples >= observed - _TIE)) / (1 + len(samples))


@dataclass(frozen=True)
class TradeOrder:
    """Deepest drawdown (a fraction, at most 0) over random orders of the same trades.

    The total return is the same in every order.
    """

    max_drawdown: Spread
    p: float


def trade_order(shares: Floats, *, samples: int, seed: int) -> TradeOrder:
    """`shares` (n,): each closed trade's pnl over the value before its position was opened."""
    random = np.random.default_rng(seed)
    depths = np.concatenate(
        [
            deepest_drawdowns(random.permuted(np.tile(shares, (rows, 1)), axis=1))
            for rows in _batches(samples, len(shares))
        ]
    )
    observed = float(deepest_drawdowns(shares[None, :])[0])
    return TradeOrder(Spread.of(observed, depths), p_value(observed, depths))


@dataclass(frozen=True)
class TradeBootstrap:
    """Total return and deepest drawdown (fractions) of trades drawn with replacement."""

    total_return: Spread
    max_drawdown: Spread
    p_loss: float


def trade_bootstrap(shares: Floats, *, samples: int, seed: int) -> TradeBootstrap:
    """As many trades as there were, drawn with replacement from `shares` (n,)."""
    random = np.random.default_rng(seed)
    totals, depths = [], []
    for rows in _batches(samples, len(shares)):
        drawn = shares[random.integers(0, len(shares), (rows, len(shares)))]
        totals.append(np.prod(1.0 + drawn, axis=1) - 1.0)
        depths.append(deepest_drawdowns(drawn))
    total, depth = np.concatenate(totals), np.concatenate(depths)
    return TradeBootstrap(
        Spread.of(_total(shares), total),
        Spread.of(float(deepest_drawdowns(shares[None, :])[0]), depth),
        float(np.mean(total < 0.0)),
    )


@dataclass(frozen=True)
class SkippedTrades:
    """Total return where each trade is left out with a probability, and without the best ones."""

    by_probability: dict[float, Spread]
    without_best: dict[int, float]


def skipped_trades(shares: Floats, *, samples: int, seed: int) -> SkippedTrades:
    """How much the total return of `shares` (n,) hangs on few trades."""
    random = np.random.default_rng(seed)
    by_probability = {}
    for probability in SKIPPED_SHARES:
        totals = []
        for rows in _batches(samples, len(shares)):
            kept = random.random((rows, len(shares))) >= probability
            totals.append(np.prod(np.where(kept, 1.0 + shares, 1.0), axis=1) - 1.0)
        by_probability[probability] = Spread.of(_total(shares), np.concatenate(totals))
    # The best by share; of equals the earlier ones.
    best_first = np.argsort(-shares, kind="stable")
    without_best = {
        count: _total(np.delete(shares, best_first[:count]))
        for count in BEST_LEFT_OUT
        if count < len(shares)
    }
    return SkippedTrades(by_probability, without_best)


@dataclass(frozen=True)
class ReturnsBootstrap:
    """Stationary bootstrap of daily returns: annual Sharpe ratio, CAGR and deepest drawdown."""

    sharpe_ratio: Spread
    cagr: Spread
    max_drawdown: Spread
    blocks: dict[str, float]


def returns_bootstrap(returns: Floats, *, samples: int, seed: int) -> ReturnsBootstrap:
    """Histories of `returns` (T,) a day that keep their dependence; see `bootstrap`.

    Blocks fit what is asked: those of the returns for means, of their absolute values for
    drawdowns, the longer of both for the Sharpe ratio.
    """
    years = len(returns) / DAYS_PER_YEAR
    of_means, of_risk = block_length(returns), block_length(np.abs(returns))
    root = math.sqrt(DAYS_PER_YEAR)

    def growth(histories: Floats) -> Floats:
        end = np.prod(1.0 + histories, axis=1)
        grown: Floats = np.maximum(end, 0.0) ** (1.0 / years) - 1.0
        return grown

    own = returns[None, :]
    longer = max(of_means, of_risk)
    sharpe = resampled(returns, sharpe_ratios, block=longer, samples=samples, seed=seed)
    cagr = resampled(returns, growth, block=of_means, samples=samples, seed=seed)
    depth = resampled(returns, deepest_drawdowns, block=of_risk, samples=samples, seed=seed)
    return ReturnsBootstrap(
        Spread.of(float(sharpe_ratios(own)[0]) * root, sharpe * root),
        Spread.of(float(growth(own)[0]), cagr),
        Spread.of(float(deepest_drawdowns(own)[0]), depth),
        {"sharpe_ratio": longer, "cagr": of_means, "max_drawdown": of_risk},
    )


def deepest_drawdowns(shares: Floats) -> Floats:
    """Deepest drawdown (k,), at most 0, of accounts that compound `shares` (k, n) from 1.

    An account that falls to 0 stays there.
    """
    factors = np.maximum(1.0 + shares, 0.0)
    values = np.concatenate([np.ones((len(shares), 1)), np.cumprod(factors, axis=1)], axis=1)
    depths: Floats = np.min(values / np.maximum.accumulate(values, axis=1), axis=1) - 1.0
    return depths


def _total(shares: Floats) -> float:
    return float(np.prod(1.0 + shares)) - 1.0


def _batches(samples: int, width: int) -> list[int]:
    """Rows to make at once, in turn, so that memory stays bounded."""
    most = max(1, _BATCH_VALUES // max(1, width))
    return [min(most, samples - first) for first in range(0, samples, most)]
