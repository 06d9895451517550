"""The stationary bootstrap: other histories that keep a series' dependence over some days.

Sources: Politis and Romano, "The Stationary Bootstrap" (1994); Politis and White, "Automatic
Block-Length Selection for the Dependent Bootstrap" (2004) with the correction of Patton, Politis
and White (2009).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from engine.bars import Floats

Indices = npt.NDArray[np.int64]

MIN_BLOCK = 1.0
# Indices made at once: keeps a thousand samples of ten years below 64 MB.
_BATCH_VALUES = 4_000_000
_CONSTANT = 1e-12


def block_length(series: Floats) -> float:
    """Expected block length for the mean of `series` (n,), at least MIN_BLOCK.

    Give absolute values for figures of risk: returns without correlation can have volatility that
    clusters, and blocks of single days would lose it. A constant series needs no blocks.
    """
    n = len(series)
    if n < 3 or float(np.std(series)) <= _CONSTANT:
        return MIN_BLOCK
    centred = np.asarray(series, np.float64) - np.mean(series)
    longest = math.ceil(min(3.0 * math.sqrt(n), n / 3.0))
    run = max(5, int(math.log10(n)))
    max_lag = min(math.ceil(math.sqrt(n)) + run, n - 1)
    covariances, correlations = _autocovariances(centred, max_lag)
    bandwidth = _bandwidth(correlations, run, n, max_lag)
    slope, variance = 0.0, covariances[0]
    for lag in range(1, bandwidth + 1):
        # The flat-top window of Politis and Romano: 1 up to half of the bandwidth, then falling.
        weight = 1.0 if lag / bandwidth <= 0.5 else 2.0 * (1.0 - lag / bandwidth)
        slope += 2.0 * weight * lag * covariances[lag]
        variance += 2.0 * weight * covariances[lag]
    if variance == 0.0:
        return MIN_BLOCK
    length = (2.0 * slope**2 / (2.0 * variance**2)) ** (1.0 / 3.0) * n ** (1.0 / 3.0)
    return float(max(MIN_BLOCK, min(length, longest)))


def _autocovariances(centred: Floats, max_lag: int) -> tuple[list[float], list[float]]:
    """Autocovariances at lags 0 to `max_lag`, and the absolute correlations of the two ends."""
    n = len(centred)
    covariances, correlations = [], []
    for lag in range(max_lag + 1):
        product = float(centred[lag:] @ centred[: n - lag])
        later, earlier = centred[lag + 1 :], centred[: n - lag - 1]
        scale = float(later @ later) * float(earlier @ earlier)
        covariances.append(product / n)
        correlations.append(abs(product) / math.sqrt(scale) if scale > 0.0 else 0.0)
    return covariances, correlations


def _bandwidth(correlations: list[float], run: int, n: int, max_lag: int) -> int:
    """Twice the last lag before `run` correlations in a row are within the noise."""
    noise = 2.0 * math.sqrt(math.log10(n) / n)
    for end in range(run, len(correlations)):
        if all(value < noise for value in correlations[end - run : end]):
            return min(2 * max(end - run, 1), max_lag)
    return max_lag


def stationary_indices(
    n: int, block: float, samples: int, random: np.random.Generator
) -> Iterator[Indices]:
    """Yields arrays (k, n) of indices into a series of `n`, `samples` rows in all.

    Each row starts anywhere; each next index follows the one before (the end is followed by the
    start), or with the probability 1 / `block` starts anywhere again.
    """
    batch = max(1, _BATCH_VALUES // max(1, n))
    for first in range(0, samples, batch):
        rows = min(batch, samples - first)
        yield indices_of(random.random((rows, n)), random.random((rows, n)), block)


def indices_of(places: Floats, coins: Floats, block: float) -> Indices:
    """Indices (k, n) from uniforms (k, n): where a new block would start, and whether one does."""
    n = places.shape[1]
    starts = coins < 1.0 / block
    starts[:, 0] = True
    steps = np.arange(n, dtype=np.int64)
    start_steps = np.maximum.accumulate(np.where(starts, steps, 0), axis=1)
    jumps = np.minimum((places * n).astype(np.int64), n - 1)
    indices: Indices = (np.take_along_axis(jumps, start_steps, axis=1) + steps - start_steps) % n
    return indices


def resampled(
    series: Floats,
    figure: Callable[[Floats], Floats],
    *,
    block: float,
    samples: int,
    seed: int,
) -> Floats:
    """`figure` of each of `samples` resampled histories of `series` (n,).

    `figure` takes histories (k, n), one a row, and returns (k,).
    """
    random = np.random.default_rng(seed)
    batches = stationary_indices(len(series), block, samples, random)
    return np.concatenate([figure(series[indices]) for indices in batches])


def sharpe_ratios(histories: Floats) -> Floats:
    """Sharpe ratios (per day) of histories (k, n); 0 for a constant one."""
    deviations = np.std(histories, axis=1, ddof=1)
    flat = deviations <= _CONSTANT
    ratios = np.mean(histories, axis=1) / np.where(flat, 1.0, deviations)
    return np.where(flat, 0.0, ratios)


def sharpe_interval(
    returns: Floats, *, level: float = 0.9, samples: int = 1_000, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of the Sharpe ratio (per day) that holds `level` of the histories."""
    block = max(block_length(returns), block_length(np.abs(returns)))
    ratios = resampled(returns, sharpe_ratios, block=block, samples=samples, seed=seed)
    tail = (1.0 - level) / 2.0 * 100.0
    low, high = np.percentile(ratios, [tail, 100.0 - tail])
    return float(low), float(high)
