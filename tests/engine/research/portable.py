"""Random numbers that any language can make: a 64-bit linear congruential generator.

Expected values in these tests were worked out from such series by other programs; the product
itself draws with numpy.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt


def uniforms(count: int, seed: int) -> npt.NDArray[np.float64]:
    """`count` uniform numbers in (0, 1)."""
    state, numbers = seed, []
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        numbers.append(((state >> 11) + 0.5) / 2**53)
    return np.array(numbers)


def normals(count: int, seed: int) -> npt.NDArray[np.float64]:
    """`count` standard normal numbers."""
    inverse = NormalDist().inv_cdf
    return np.array([inverse(u) for u in uniforms(count, seed)])


def skewed_returns() -> npt.NDArray[np.float64]:
    """730 daily returns with skewness and fat tails."""
    e = normals(730, 41)
    return 0.0012 + 0.02 * e + 0.004 * (e**2 - 1) - 0.003 * (e**3 - 3 * e)


def clustered_returns() -> npt.NDArray[np.float64]:
    """1,000 returns whose volatility clusters: no correlation in them, much in their squares."""
    e = normals(1000, 11)
    variance, returns = 1e-4, [0.01 * e[0]]
    for step in e[1:]:
        variance = 2e-6 + 0.1 * returns[-1] ** 2 + 0.88 * variance
        returns.append(variance**0.5 * step)
    return np.array(returns)
