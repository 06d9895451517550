"""The honest test for look-ahead: does a strategy do the same before a cut, whatever comes after?

The same code is run again on bars whose future, from some cut on, is invented. Its order calls up
to the cut must be the same; a strategy that reads the future by any trick cannot repeat them.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from engine.bars import Floats
from engine.enums import LookaheadCheck

SAMPLE_CUTS = 3
FULL_CUTS = 50

# Bounds on the invented walk: one bar's standard deviation, and how far in all (e to the 2nd).
_MIN_STEP, _MAX_STEP = 1e-4, 0.05
_MAX_LOG_DISTANCE = 2.0


def choose_cuts(
    orders: npt.NDArray[np.void], n_bars: int, check: LookaheadCheck
) -> tuple[int, ...]:
    """Bars after which to cut, descending: bars with orders, spread over the run.

    A look ahead shows where it is acted upon. The last bar is no cut: nothing comes after it.
    Without orders there is nothing to compare, but a run that gives none may still be one that
    gives some on another future: then one cut in the middle.
    """
    count = {LookaheadCheck.SAMPLE: SAMPLE_CUTS, LookaheadCheck.FULL: FULL_CUTS}.get(check, 0)
    if count == 0 or n_bars < 2:
        return ()
    with_orders = np.unique(orders["bar"])
    with_orders = with_orders[(with_orders >= 0) & (with_orders < n_bars - 1)]
    if len(with_orders) == 0:
        return (n_bars // 2 - 1,) if n_bars >= 4 else (0,)
    places = np.linspace(0, len(with_orders) - 1, min(count, len(with_orders)) + 1)[1:]
    return tuple(int(bar) for bar in np.unique(with_orders[places.astype(np.int64)])[::-1])


def scramble(columns: tuple[Floats, ...], cut: int, seed: int) -> None:
    """Replace, in place, every bar after `cut` by an invented one; open to volume as in COLUMNS.

    The invention is plausible (a walk from the cut's close in steps as large as the past's, highs
    and lows around it, volumes drawn from the past), so that no strategy stumbles over it.
    """
    open_, high, low, close, volume = columns
    rest = len(close) - cut - 1
    if rest <= 0:
        return
    random = np.random.Generator(np.random.PCG64([seed, cut]))
    past = np.diff(np.log(close[max(0, cut - 5_000) : cut + 1]))
    step = float(np.clip(np.std(past), _MIN_STEP, _MAX_STEP)) if len(past) > 1 else 0.01
    walk = np.cumsum(random.standard_normal(rest) * step)
    close[cut + 1 :] = close[cut] * np.exp(_MAX_LOG_DISTANCE * np.tanh(walk / _MAX_LOG_DISTANCE))
    open_[cut + 1 :] = close[cut:-1]
    top = np.maximum(open_[cut + 1 :], close[cut + 1 :])
    bottom = np.minimum(open_[cut + 1 :], close[cut + 1 :])
    high[cut + 1 :] = top * np.exp(np.abs(random.standard_normal(rest)) * step / 2)
    low[cut + 1 :] = bottom * np.exp(-np.abs(random.standard_normal(rest)) * step / 2)
    volume[cut + 1 :] = volume[random.integers(0, cut + 1, rest)]


def first_difference(
    orders: npt.NDArray[np.void], again: npt.NDArray[np.void], cut: int
) -> int | None:
    """Bar of the first order call, up to `cut`, that is not the same in both; None when all are.

    Calls are compared as bytes: an absent number is the same NaN in both.
    """
    ours = np.ascontiguousarray(orders[orders["bar"] <= cut])
    theirs = np.ascontiguousarray(again[again["bar"] <= cut])
    common = min(len(ours), len(theirs))
    width = orders.dtype.itemsize
    left = ours[:common].view(np.uint8).reshape(common, width)
    right = theirs[:common].view(np.uint8).reshape(common, width)
    differing = np.flatnonzero((left != right).any(axis=1))
    if len(differing):
        at = int(differing[0])
        return int(min(ours["bar"][at], theirs["bar"][at]))
    if len(ours) == len(theirs):
        return None
    return int((ours if len(ours) > common else theirs)["bar"][common])


def cut_limit_s(limit_s: float, share: float = 1.0) -> float:
    """Seconds for all the cuts together: as long again as the run itself was allowed."""
    return max(1.0, math.ceil(limit_s * share))
