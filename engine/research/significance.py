"""How far a Sharpe ratio can be believed: probabilistic, deflated, and the track record it needs.

All figures here are per day: SR = mean(r) / std(r, ddof 1) of T daily returns, skewness and
kurtosis the population moments m3 / m2^1.5 and m4 / m2^2 (3 for a normal distribution). Annual
figures are these times sqrt(365), for display alone: a probability is not annualised.

Sources: Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier" (2012) for PSR and the
minimum track record length, "The Deflated Sharpe Ratio" (2014) for the expected best and DSR.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from engine.bars import Floats

MIN_DAYS = 30
ZERO_STD = 1e-12
CONFIDENCE = 0.95
# Below this many trials their own spread says little, and a trial's sampling error is the floor.
FEW_TRIALS = 10
EULER_GAMMA = 0.5772156649015329
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Sample:
    """What the figures need to know of one series of daily returns."""

    days: int
    sharpe: float
    skewness: float
    kurtosis: float


def sample_of(returns: Floats) -> Sample | str:
    """The moments of daily returns (T,), or why nothing can be said of them."""
    days = len(returns)
    if days < MIN_DAYS:
        return f"{days} daily returns; at least {MIN_DAYS} are needed"
    deviation = float(np.std(returns, ddof=1))
    if not math.isfinite(deviation):
        return "a daily return is not finite"
    if deviation <= ZERO_STD:
        return "the daily returns do not vary"
    mean = float(np.mean(returns))
    centred = returns - mean
    second = float(np.mean(centred**2))
    skewness = float(np.mean(centred**3)) / second**1.5
    kurtosis = float(np.mean(centred**4)) / second**2
    return Sample(days, mean / deviation, skewness, kurtosis)


def probabilistic_sharpe_ratio(sample: Sample, benchmark: float = 0.0) -> float | None:
    """PSR: Phi((SR - benchmark) sqrt(T - 1) / sqrt(1 - g3 SR + (g4 - 1)/4 SR^2)).

    How often a strategy whose true Sharpe ratio is `benchmark` (per day) would look worse than
    this. None where the root's argument is not positive.
    """
    variance = _estimation_variance(sample)
    if variance <= 0.0:
        return None
    distance = (sample.sharpe - benchmark) * math.sqrt(sample.days - 1) / math.sqrt(variance)
    return _NORMAL.cdf(distance)


def expected_best_sharpe(trials: int, spread: float) -> float:
    """Expected highest Sharpe ratio of `trials` without any edge, whose Sharpe ratios have the
    standard deviation `spread`; 0 for one trial."""
    if trials <= 1:
        return 0.0
    high = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    higher = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return spread * ((1.0 - EULER_GAMMA) * high + EULER_GAMMA * higher)


def spread_of_trials(
    sharpes: Sequence[float], days: Sequence[int], judged_days: int, trials: int
) -> float:
    """Standard deviation (ddof 1) of the trials' Sharpe ratios, on the scale of `judged_days`.

    Windows of unlike length are brought on one scale as SR_i sqrt(T_i - 1) before they are
    compared. With fewer than FEW_TRIALS `trials` it is at least the sampling error of one,
    1 / sqrt(T - 1), and exactly that where fewer than two have a Sharpe ratio.
    """
    scale = math.sqrt(judged_days - 1)
    sampling_error = 1.0 / scale
    if len(sharpes) < 2:
        return sampling_error
    scaled = np.asarray(sharpes, np.float64) * np.sqrt(np.asarray(days, np.float64) - 1.0)
    spread = float(np.std(scaled, ddof=1)) / scale
    return max(spread, sampling_error) if trials < FEW_TRIALS else spread


def deflated_sharpe_ratio(sample: Sample, trials: int, spread: float) -> float | None:
    """DSR: the PSR against the best that luck alone would have given in `trials` tries.

    `trials` is the raw number of distinct ones: their observed `spread` carries their
    correlation already, and an "effective number" would correct for it twice.
    """
    return probabilistic_sharpe_ratio(sample, expected_best_sharpe(trials, spread))


def minimum_track_record_days(
    sample: Sample, benchmark: float = 0.0, confidence: float = CONFIDENCE
) -> float | None:
    """Days of such returns after which PSR(benchmark) reaches `confidence`; None when never."""
    if sample.sharpe <= benchmark:
        return None
    quantile = _NORMAL.inv_cdf(confidence)
    return 1.0 + _estimation_variance(sample) * (quantile / (sample.sharpe - benchmark)) ** 2


def lag_one_autocorrelation(returns: Floats) -> float | None:
    """Sample autocorrelation of daily returns at lag 1; None where they do not vary.

    PSR and DSR take the days for independent; this says how far that is from true.
    """
    centred = returns - np.mean(returns)
    total = float(centred @ centred)
    if len(returns) < 2 or total <= len(returns) * ZERO_STD**2:
        return None
    return float(centred[1:] @ centred[:-1]) / total


def _estimation_variance(sample: Sample) -> float:
    """(T - 1) times the variance of the estimated Sharpe ratio, for returns that are not normal."""
    ratio = sample.sharpe
    return 1.0 - sample.skewness * ratio + (sample.kurtosis - 1.0) / 4.0 * ratio * ratio
