"""The honest test for look-ahead: does a strategy do the same before a cut, whatever comes after?

The same code is run again on bars whose future, from some cut on, is invented. Its order calls up
to the cut must be the same; a strategy that reads the future by any trick cannot repeat them.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from engine.bars import Floats
from engine.codes import SELL
from engine.enums import LookaheadCheck

SAMPLE_CUTS = 3
FULL_CUTS = 50
CUT_FACTOR, STALL_FACTOR, CUT_EXTRA_S = 3.0, 2.0, 2.0

# Bounds on the invented walk: one bar's standard deviation, and how far in all (e to the 2nd).
_MIN_STEP, _MAX_STEP = 1e-4, 0.05
_MAX_LOG_DISTANCE = 2.0
MAX_DECIMALS = 8
_DECIMALS_OF = 1_000


def choose_cuts(
    orders: npt.NDArray[np.void],
    close: Floats,
    check: LookaheadCheck,
    random: np.random.Generator | None = None,
) -> tuple[int, ...]:
    """Bars after which to cut, in the order in which to try them; `close` has one per bar.

    Chosen by chance that nobody can foresee, `random` apart: a strategy that knew the cuts would
    be honest there. About two thirds are bars with orders, the rest bars without: could a run
    that recognises its invented future take an order at the cut for granted, it would give it.
    More likely are bars before large moves and bars of large orders, where it pays to know what
    comes. The last bar is no cut: nothing comes after it.
    """
    count = {LookaheadCheck.SAMPLE: SAMPLE_CUTS, LookaheadCheck.FULL: FULL_CUTS}.get(check, 0)
    n_cuts = len(close) - 1
    if count == 0 or n_cuts < 1:
        return ()
    random = random or np.random.default_rng()
    orders = orders[(orders["bar"] >= 0) & (orders["bar"] < n_cuts)]
    weights = 1.0 / n_cuts + _shares(np.abs(np.diff(np.log(close)))) + _amounts(orders, n_cuts)
    busy = np.unique(orders["bar"]).astype(np.int64)
    quiet = np.setdiff1d(np.arange(n_cuts), busy, assume_unique=True)
    of_quiet = min(len(quiet), count // 3 if len(busy) else 1)
    of_busy = min(len(busy), count - of_quiet)
    cuts = np.concatenate(
        [_pick(random, busy, of_busy, weights), _pick(random, quiet, of_quiet, weights)]
    )
    return tuple(int(bar) for bar in random.permutation(cuts))


def _shares(numbers: Floats) -> Floats:
    """`numbers`, none negative, over their sum; zeros when they are all zero or not finite."""
    total = float(np.sum(numbers))
    return numbers / total if 0.0 < total < math.inf else np.zeros(len(numbers))


def _amounts(orders: npt.NDArray[np.void], n_cuts: int) -> Floats:
    """Each bar's share of all that was bought and sold."""
    trades = orders[(orders["call"] <= SELL) & (orders["amount"] > 0.0)]
    return _shares(np.bincount(trades["bar"], trades["amount"], n_cuts).astype(np.float64))


def _pick(
    random: np.random.Generator, bars: npt.NDArray[np.int64], count: int, weights: Floats
) -> npt.NDArray[np.int64]:
    if count == 0:
        return np.empty(0, np.int64)
    return random.choice(bars, count, replace=False, p=_shares(weights[bars]))


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
    decimals = _decimals(close[max(0, cut - _DECIMALS_OF) : cut + 1])
    if decimals is not None:
        # As many digits as prices have here; the smallest price is the smallest step.
        for column in (open_, high, low, close):
            invented = column[cut + 1 :]
            np.maximum(np.round(invented, decimals), 10.0**-decimals, out=invented)


def _decimals(prices: Floats) -> int | None:
    """How many decimals prices are quoted with, None when with more than eight."""
    for decimals in range(MAX_DECIMALS + 1):
        if np.array_equal(np.round(prices, decimals), prices):
            return decimals
    return None


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


def cut_limit_s(run_cpu_s: float) -> int:
    """Processor seconds for one cut: it repeats a part of the run and needs no more.

    Some more, for the machine may be busy. A run that recognises its invented future must not
    escape the comparison by never ending.
    """
    return math.ceil(CUT_FACTOR * run_cpu_s + CUT_EXTRA_S)


def has_stalled(cut_cpu_s: float, run_cpu_s: float) -> bool:
    """Whether a cut that was not done after `cut_cpu_s` says something about the code.

    A run may take so much of its allowance that no cut could be given `cut_limit_s`; one that
    needs twice the whole run has not repeated a part of it.
    """
    return cut_cpu_s >= STALL_FACTOR * run_cpu_s + CUT_EXTRA_S
