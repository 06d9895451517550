"""Is the timing better than luck? The same positions elsewhere, the same strategy on other bars.

Positions are weights: w_t, signed notional over the account's value at the close of bar t, held
over the next close-to-close return; costs are left out on both sides. Bars are log moves against
their own open, so that a bar can be turned over or set elsewhere and stay a bar.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.bars import Floats
from engine.research.bootstrap import Indices
from engine.research.resampling import p_value

MIN_HOLDS = 5
MAX_LAGS = 1_000


@dataclass(frozen=True)
class NullTest:
    """`observed` sum of weight times return, and `p`, how often as much comes of chance."""

    observed: float
    p: float
    samples: int


def random_entries(weights: Floats, returns: Floats, *, samples: int, seed: int) -> NullTest | str:
    """Stretches of one sign and the gaps between them, each shuffled: the same holding times,
    sides, sizes and exposure at other moments.

    `weights` and `returns` (n,): returns[t] is that from close t to close t + 1.
    """
    holds, gaps = _holds_and_gaps(weights)
    if len(holds) < MIN_HOLDS:
        return f"{len(holds)} holds; at least {MIN_HOLDS} are needed"
    lengths = np.array([stop - start for start, stop in holds])
    starts = np.array([start for start, _ in holds])
    held = np.concatenate([np.arange(start, stop) for start, stop in holds])
    observed = float(weights[held] @ returns[held])
    random = np.random.default_rng(seed)
    sums = np.empty(samples)
    for k in range(samples):
        order = random.permutation(len(holds))
        spaces = random.permutation(gaps)
        moved = lengths[order]
        # Where each hold begins: all gaps up to it and all holds before it.
        begins = np.cumsum(spaces[:-1]) + np.concatenate([[0], np.cumsum(moved)[:-1]])
        within = np.arange(len(held)) - np.repeat(np.cumsum(moved) - moved, moved)
        source = np.repeat(starts[order], moved) + within
        target = np.repeat(begins, moved) + within
        sums[k] = weights[source] @ returns[target]
    return NullTest(observed, p_value(observed, sums), samples)


def shifted_positions(weights: Floats, returns: Floats) -> NullTest | str:
    """The whole series of positions against the bars shifted round, over at most MAX_LAGS evenly
    spread lags."""
    holds, _ = _holds_and_gaps(weights)
    if len(holds) < MIN_HOLDS:
        return f"{len(holds)} holds; at least {MIN_HOLDS} are needed"
    n = len(weights)
    lags = np.unique(np.linspace(1, n - 1, min(MAX_LAGS, n - 1)).round().astype(np.int64))
    observed = float(weights @ returns)
    sums = np.array(
        [weights[: n - lag] @ returns[lag:] + weights[n - lag :] @ returns[:lag] for lag in lags]
    )
    return NullTest(observed, p_value(observed, sums), len(lags))


def _holds_and_gaps(weights: Floats) -> tuple[list[tuple[int, int]], Indices]:
    """Stretches [start, stop) of one sign, and the flat bars before, between and after them."""
    signs = np.sign(weights)
    edges = np.flatnonzero(np.diff(signs)) + 1
    bounds = [0, *edges.tolist(), len(weights)]
    holds = [
        (start, stop)
        for start, stop in itertools.pairwise(bounds)
        if stop > start and signs[start] != 0.0
    ]
    ends = [0, *[stop for _, stop in holds]]
    starts = [*[start for start, _ in holds], len(weights)]
    gaps = np.array([start - end for start, end in zip(starts, ends, strict=True)], np.int64)
    return holds, gaps


@dataclass(frozen=True)
class Moves:
    """Bars as log moves (n,): `gap` from the previous close to the open (0 in the first), `up`,
    `down` and `body` from the open to high, low and close."""

    first_open: float
    gap: Floats
    up: Floats
    down: Floats
    body: Floats

    @classmethod
    def of(cls, open_: Floats, high: Floats, low: Floats, close: Floats) -> Moves:
        gap = np.zeros(len(open_))
        gap[1:] = np.log(open_[1:] / close[:-1])
        return cls(
            float(open_[0]), gap, np.log(high / open_), np.log(low / open_), np.log(close / open_)
        )

    def prices(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Open, high, low and close (n,)."""
        # Each open lies the body of the bar before and its own gap beyond the open before.
        steps = np.concatenate([[0.0], self.body[:-1] + self.gap[1:]])
        opens = self.first_open * np.exp(np.cumsum(steps))
        close = opens * np.exp(self.body)
        high = np.maximum(opens * np.exp(self.up), np.maximum(opens, close))
        low = np.minimum(opens * np.exp(self.down), np.minimum(opens, close))
        return opens, high, low, close


def mirrored(moves: Moves, flipped: npt.NDArray[np.bool_]) -> Moves:
    """Bars whose moves are turned over where `flipped` (n,): what rose falls by as much.

    Absolute returns, ranges and volumes are those of the original, so that volatility clusters as
    it did; direction and drift are gone.
    """
    sign = np.where(flipped, -1.0, 1.0)
    return Moves(
        moves.first_open,
        sign * moves.gap,
        np.where(flipped, -moves.down, moves.up),
        np.where(flipped, -moves.up, moves.down),
        sign * moves.body,
    )


def rearranged(moves: Moves, indices: Indices) -> Moves:
    """Whole bars set one after another in the order of `indices` (n,), from the first open."""
    gap = moves.gap[indices]
    gap[0] = 0.0
    return Moves(moves.first_open, gap, moves.up[indices], moves.down[indices], moves.body[indices])
