"""Superior predictive ability: is the best of many trials better than holding cash?

Hansen, "A Test for Superior Predictive Ability" (2005), the consistent p-value: one test of all
trials at once, so that the number of tries is paid for. Studentised, because one wild row without
skill would otherwise hide a good one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.bars import Floats
from engine.research.bootstrap import block_length, stationary_indices
from engine.research.overfitting import distinct_rows

MIN_ROWS, MIN_DAYS = 2, 30
SAMPLES = 1_000
_ZERO = 1e-12


@dataclass(frozen=True)
class PredictiveAbility:
    """`p_value`: how often resampled returns without any edge reach the best trial's statistic."""

    p_value: float
    statistic: float
    rows: int
    block: float


def predictive_ability(
    returns: Floats, *, seed: int = 0, samples: int = SAMPLES, block: float | None = None
) -> PredictiveAbility | str:
    """SPA of daily returns (n_trials, T) against 0 a day, or why there is none.

    `block` is the expected block length; by default that of the equal-weighted mean of the rows.
    """
    rows, _ = distinct_rows(returns)
    count, days = rows.shape
    if count < MIN_ROWS or days < MIN_DAYS:
        return (
            f"{count} distinct trials over {days} days; at least {MIN_ROWS} trials and "
            f"{MIN_DAYS} days are needed"
        )
    block = block_length(rows.mean(axis=0)) if block is None else block
    deviations = long_run_deviations(rows, block)
    usable = deviations > _ZERO
    if not usable.any():
        return "no trial's returns vary"
    rows, deviations = rows[usable], deviations[usable]
    means = rows.mean(axis=1)
    root = math.sqrt(days)
    statistic = max(0.0, float(np.max(root * means / deviations)))
    # A row that is worse than chance explains must not make the null hypothesis easier to hold.
    threshold = -deviations * math.sqrt(2.0 * math.log(math.log(days)) / days)
    centres = np.where(means >= threshold, means, 0.0)
    at_least = 0
    for indices in stationary_indices(days, block, samples, np.random.default_rng(seed)):
        # How often each day was drawn, times the returns: no copy of the rows is made.
        offsets = np.arange(len(indices))[:, None] * days
        counts = np.bincount((indices + offsets).ravel(), minlength=indices.size)
        drawn = counts.reshape(indices.shape).astype(np.float64)
        resampled = rows @ drawn.T / days - centres[:, None]
        best = np.max(root * resampled / deviations[:, None], axis=0)
        at_least += int(np.count_nonzero(np.maximum(best, 0.0) >= statistic - _ZERO))
    return PredictiveAbility((1 + at_least) / (1 + samples), statistic, len(rows), block)


def long_run_deviations(rows: Floats, block: float) -> Floats:
    """omega (n,) of rows (n, T): square root of the long-run variance of sqrt(T) times the mean.

    omega^2 = g_0 + 2 sum_i k(i) g_i with the stationary bootstrap's own kernel,
    k(i) = (T - i)/T (1 - q)^i + i/T (1 - q)^(T - i), q = 1 / block.
    """
    days = rows.shape[1]
    centred = rows - rows.mean(axis=1, keepdims=True)
    padded = 1 << (2 * days - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(centred, padded, axis=1)) ** 2
    covariances = np.fft.irfft(spectrum, padded, axis=1)[:, :days] / days
    lags = np.arange(1, days)
    stay = 1.0 - 1.0 / block
    kernel = (days - lags) / days * stay**lags + lags / days * stay ** (days - lags)
    variances = covariances[:, 0] + 2.0 * covariances[:, 1:] @ kernel
    deviations: Floats = np.sqrt(np.maximum(variances, 0.0))
    return deviations
