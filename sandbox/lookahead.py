"""The honest test for look-ahead: where a run is cut, and the comparison of its order calls.

`sample`: the same code is run again on bars whose future, from some cut on, is invented
(`sandbox.child.invention`); its order calls up to the cut must be the same. `full`: the same code
is run again in a process that does not have its future. `sandbox.outside.rechecks` does both.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from engine.account import codes
from engine.enums import LookaheadCheck

SAMPLE_CUTS = 3
FULL_CUTS = 50
# Beside the cuts a check looks at so many bars of calls that closed, of any calls, and of any bar:
# who is honest wherever a position opened may still know when to close, or what not to open.
SAMPLE_MORE = (1, 0, 0)
FULL_MORE = (8, 2, 10)
# A cut repeats a part of the run: who needs this many times the whole run, and some seconds for a
# busy machine, has not.
CUT_FACTOR, CUT_EXTRA_S = 2.0, 2.0
# A check may take this many times the wall-clock time that the run was allowed, and the blind run
# this many times its processor time.
CHECK_FACTOR = 3

Indices = npt.NDArray[np.int64]
_LEVEL_CALLS = (codes.SET_STOP, codes.SET_TAKE, codes.SET_TRAIL)


def choose_cuts(
    orders: npt.NDArray[np.void],
    trades: npt.NDArray[np.void],
    n_bars: int,
    check: LookaheadCheck,
    random: np.random.Generator | None = None,
) -> tuple[int, ...]:
    """Bars after which to cut, ascending: where the money was made.

    The bar whose call became the first opening, then others drawn among the bars of calls that
    opened, by the absolute pnl of what they opened: a strategy that is honest there earns nothing
    by being dishonest elsewhere. Drawn by chance that nobody can foresee, `random` apart. Calls
    that filled nothing weigh nothing. Where too few opened, `full` goes on with the bars whose
    calls closed and then with any; a run without an opening is cut at its calls, and without
    those at any bar. The last bar is no cut: nothing comes after it.
    """
    count = {LookaheadCheck.SAMPLE: SAMPLE_CUTS, LookaheadCheck.FULL: FULL_CUTS}.get(check, 0)
    n_cuts = n_bars - 1
    if count == 0 or n_cuts < 1:
        return ()
    random = random or np.random.default_rng()
    opened, weights = _openings(orders, trades, n_cuts)
    if not len(opened):
        bars = np.unique(orders["bar"][orders["bar"] < n_cuts]).astype(np.int64)
        if not len(bars):
            return (int(random.integers(n_cuts)),)
        return _ascending(random.choice(bars, min(count, len(bars)), replace=False))
    others = opened > opened[0]
    cuts = [opened[:1], _pick(random, opened[others], count - 1, weights[others])]
    if check is LookaheadCheck.FULL:
        for more in (_calls_of(orders, trades, n_cuts), np.arange(n_cuts)):
            taken = np.concatenate(cuts)
            fresh = more[~np.isin(more, taken)]
            cuts.append(_pick(random, fresh, count - len(taken), np.ones(len(fresh))))
    return _ascending(np.concatenate(cuts))


def more_points(
    orders: npt.NDArray[np.void],
    trades: npt.NDArray[np.void],
    n_bars: int,
    check: LookaheadCheck,
    cuts: tuple[int, ...],
    random: np.random.Generator | None = None,
) -> tuple[int, ...]:
    """Bars at which to look beside the `cuts`, ascending, and none of them.

    First bars of the calls that closed a position, or that set the level it was closed by, drawn
    by what it earned; then bars of any calls; then any bars.
    """
    counts = {LookaheadCheck.SAMPLE: SAMPLE_MORE, LookaheadCheck.FULL: FULL_MORE}.get(check)
    n_cuts = n_bars - 1
    if counts is None or n_cuts < 1:
        return ()
    random = random or np.random.default_rng()
    closed, weights = _closings(orders, trades, n_cuts)
    called = np.unique(orders["bar"][orders["bar"] < n_cuts]).astype(np.int64)
    taken = np.array(cuts, np.int64)
    for bars, weight, count in (
        (closed, weights, counts[0]),
        (called, np.ones(len(called)), counts[1]),
        (np.arange(n_cuts), np.ones(n_cuts), counts[2]),
    ):
        fresh = ~np.isin(bars, taken)
        taken = np.append(taken, _pick(random, bars[fresh], count, weight[fresh]))
    return _ascending(taken[len(cuts) :])


def _closings(
    orders: npt.NDArray[np.void], trades: npt.NDArray[np.void], n_cuts: int
) -> tuple[Indices, npt.NDArray[np.float64]]:
    """Ascending bars of the calls by which positions closed, each with what they earned, absolute.

    What a level closed was closed by the newest call before that set one.
    """
    closing = trades[trades["closing"] != 0]
    setting = np.flatnonzero(np.isin(orders["call"], _LEVEL_CALLS))
    newest = np.searchsorted(orders["bar"][setting], closing["bar"], side="right") - 1
    by_level = np.append(setting, -1)[newest]
    calls = np.where(closing["order"] >= 0, closing["order"], by_level)
    known = calls >= 0
    bars = orders["bar"][calls[known]].astype(np.int64)
    inside = bars < n_cuts
    found, of_bar = np.unique(bars[inside], return_inverse=True)
    earned = np.abs(closing["pnl"][known][inside])
    return found, np.bincount(of_bar, earned, len(found)).astype(np.float64)


def _openings(
    orders: npt.NDArray[np.void], trades: npt.NDArray[np.void], n_cuts: int
) -> tuple[Indices, npt.NDArray[np.float64]]:
    """Ascending bars of the calls that opened or added, each with what came of it, absolute.

    An opening belongs to the position that the next closing row closes; a position still open at
    the end has earned nothing yet.
    """
    closing = np.flatnonzero(trades["closing"] != 0)
    opening = np.flatnonzero((trades["closing"] == 0) & (trades["order"] >= 0))
    if not len(opening):
        return np.empty(0, np.int64), np.empty(0)
    earned = np.zeros(len(opening))
    if len(closing):
        positions, of_row = np.unique(trades["open_bar"][closing], return_inverse=True)
        pnl = np.bincount(of_row, trades["pnl"][closing], len(positions))
        following = np.searchsorted(closing, opening)
        closed = following < len(closing)
        earned[closed] = np.abs(pnl[of_row[following[closed]]])
    bars = orders["bar"][trades["order"][opening]].astype(np.int64)
    inside = bars < n_cuts
    found, of_bar = np.unique(bars[inside], return_inverse=True)
    return found, np.bincount(of_bar, earned[inside], len(found)).astype(np.float64)


def _calls_of(orders: npt.NDArray[np.void], trades: npt.NDArray[np.void], n_cuts: int) -> Indices:
    """Bars of the calls that filled anything."""
    bars = orders["bar"][trades["order"][trades["order"] >= 0]].astype(np.int64)
    return np.unique(bars[bars < n_cuts])


def _pick(
    random: np.random.Generator, bars: Indices, count: int, weights: npt.NDArray[np.float64]
) -> Indices:
    """At most `count` distinct ones, likelier by weight; all are possible."""
    count = min(count, len(bars))
    if count <= 0:
        return np.empty(0, np.int64)
    total = float(np.sum(weights))
    shares = weights / total if 0.0 < total < math.inf else np.zeros(len(bars))
    shares = shares + 1e-6 / len(bars)
    return random.choice(bars, count, replace=False, p=shares / np.sum(shares))


def _ascending(cuts: Indices) -> tuple[int, ...]:
    return tuple(int(cut) for cut in np.unique(cuts))


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


def cut_limit_s(run_cpu_s: float) -> float:
    """Processor seconds for one cut, which repeats a part of a run that took `run_cpu_s`.

    Who needs more does not repeat it: a run that recognises its invented future must not escape
    the comparison by never ending.
    """
    return CUT_FACTOR * run_cpu_s + CUT_EXTRA_S
