"""Which trial of a search is shown as the winner: the best neighbourhood, not the best cell.

A lone peak among poor neighbours is what luck looks like; a plateau survives a small change of the
market as it survives a small change of the parameters. So a trial is scored by the mean of the
objective over itself and its neighbours, and the best cell stands beside the winner.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.bars import Floats
from engine.research.space import Axis, Configuration

# Of a drawn search: how near an end of its range a parameter counts as at the edge.
EDGE_SHARE = 0.02
_BATCH_VALUES = 4_000_000
# Steps to neighbours, 3 to the power of ordered parameters, that are looked up one by one.
_MANY_STEPS = 729

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Scores:
    """`score` and `plateau` (n,), NaN where there is none; `winner` and `best` are trials."""

    score: Floats
    plateau: Floats
    winner: int | None
    best: int | None


def scores(
    objective: Floats,
    feasible: npt.NDArray[np.bool_],
    neighbours: Iterator[Indices],
    *,
    maximise: bool,
) -> Scores:
    """Scores of trials from their `objective` (n,), NaN where it is null.

    `neighbours` yields each trial's neighbours, in the order of trials. Infeasible trials have no
    score and cannot win; as neighbours they count as the worst feasible value. Ties go to the
    better own value, then to the lower number.
    """
    count = len(objective)
    score, plateau = np.full(count, np.nan), np.full(count, np.nan)
    usable = feasible & np.isfinite(objective)
    if not usable.any():
        return Scores(score, plateau, None, None)
    worst = float((np.min if maximise else np.max)(objective[usable]))
    values = np.where(usable, objective, worst)
    for trial, near in enumerate(neighbours):
        if not usable[trial]:
            continue
        members = np.sort(np.append(near, trial))
        own = float(values[trial])
        # Added one after another, in the order of trials: the sum does not follow numpy's blocks.
        score[trial] = sum(values[members].tolist()) / len(members)
        if own > 0.0 and len(near):
            plateau[trial] = float(np.median(values[members])) / own
    sign = 1.0 if maximise else -1.0
    trials = np.flatnonzero(usable)
    order = np.lexsort((trials, -sign * values[trials], -sign * score[trials]))
    best = np.lexsort((trials, -sign * values[trials]))
    return Scores(score, plateau, int(trials[order[0]]), int(trials[best[0]]))


def grid_neighbours(axes: Sequence[Axis], cells: Indices) -> Iterator[Indices]:
    """For each cell (n, axes): the others at index distance <= 1 in every ordered parameter and
    equal in the others. Values of an ordered parameter are ranked by value, as they were given."""
    ranks = np.stack([_ranks(axis)[cells[:, k]] for k, axis in enumerate(axes)], axis=1)
    steps = [(-1, 0, 1) if axis.ordered else (0,) for axis in axes]
    if math.prod(map(len, steps)) > _MANY_STEPS:
        yield from _by_comparison(ranks, np.array([len(step) // 2 for step in steps]))
        return
    # Each cell as one number, with room beyond the ends, so that a step is an addition.
    strides = np.cumprod([1, *(ranks[:, :-1].max(axis=0) + 3).tolist()])
    keys = (ranks + 1) @ strides
    order = np.argsort(keys)
    ordered_keys = keys[order]
    near = []
    for step in itertools.product(*steps):
        if any(step):
            wanted = keys + np.array(step) @ strides
            places = np.minimum(np.searchsorted(ordered_keys, wanted), len(keys) - 1)
            near.append(np.where(ordered_keys[places] == wanted, order[places], -1))
    for trial in range(len(cells)):
        found = np.array([column[trial] for column in near], np.int64)
        yield np.sort(found[found >= 0])


def _by_comparison(ranks: Indices, reach: Indices) -> Iterator[Indices]:
    """Every cell against every other: for spaces of so many parameters that the steps are more."""
    batch = max(1, _BATCH_VALUES // max(1, ranks.size))
    for first in range(0, len(ranks), batch):
        mine = ranks[first : first + batch, None, :]
        near = (np.abs(mine - ranks[None, :, :]) <= reach).all(axis=2)
        near[np.arange(len(near)), np.arange(first, first + len(near))] = False
        for row in near:
            yield np.flatnonzero(row)


def _ranks(axis: Axis) -> Indices:
    count = axis.count or 1
    if not axis.values or not axis.ordered:
        return np.arange(count, dtype=np.int64)
    ranks = np.empty(count, np.int64)
    ranks[np.argsort(np.array(axis.values, np.float64), kind="stable")] = np.arange(count)
    return ranks


def drawn_neighbours(
    axes: Sequence[Axis], configurations: Sequence[Configuration]
) -> Iterator[Indices]:
    """For each drawn configuration: the 2 d + 2 nearest others in the unit cube of the ranges.

    A difference in an unordered parameter counts 1; ties go to the lower number.
    """
    ordered = [axis for axis in axes if axis.ordered]
    others = [axis for axis in axes if not axis.ordered]
    places = _places(ordered, configurations)
    codes = _places(others, configurations)
    wanted = min(2 * len(axes) + 2, len(configurations) - 1)
    batch = max(1, _BATCH_VALUES // max(1, len(configurations) * len(axes)))
    for first in range(0, len(configurations), batch):
        mine = slice(first, first + batch)
        distances = ((places[mine, None, :] - places[None, :, :]) ** 2).sum(axis=2)
        distances += (codes[mine, None, :] != codes[None, :, :]).sum(axis=2)
        rows = np.arange(len(distances))
        distances[rows, first + rows] = np.inf
        # Steps that are equal as written are equal here: 0.3 - 0.2 and 0.2 - 0.1.
        for row in np.round(distances, 12):
            yield np.argsort(row, kind="stable")[:wanted]


def _places(axes: Sequence[Axis], configurations: Sequence[Configuration]) -> Floats:
    rows = [[axis.position(one[axis.name]) for axis in axes] for one in configurations]
    return np.array(rows, np.float64).reshape(len(configurations), len(axes))


def at_edge(axes: Sequence[Axis], chosen: Configuration, *, grid: bool) -> list[str]:
    """Ordered parameters of `chosen` on their first or last value: the search may end too soon.

    Of a drawn search within EDGE_SHARE of an end. An axis of one value has no edge.
    """
    names = []
    for axis in axes:
        if not axis.ordered or axis.low == axis.high:
            continue
        place = axis.position(chosen[axis.name])
        share = 0.0 if grid else EDGE_SHARE
        if place <= share or place >= 1.0 - share:
            names.append(axis.name)
    return names
