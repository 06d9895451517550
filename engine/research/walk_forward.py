"""Walk-forward: which days a search is trained on, which it is judged on, and what was kept.

The folds are those that somebody who trades would have lived through: choose on the past, trade
the next days, choose again. Test days are joined into one out-of-sample equity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from engine.bars import Floats
from engine.errors import ValidationError


@dataclass(frozen=True)
class Fold:
    """Inclusive UTC days."""

    train_start: date
    train_end: date
    test_start: date
    test_end: date


def folds(
    start: date,
    end: date,
    *,
    train_days: int,
    test_days: int,
    anchored: bool = False,
    purge_days: int = 0,
) -> tuple[Fold, ...]:
    """The folds of the days from `start` to `end`, which are those with bars.

    Fold i's test starts at start + train + purge + i test; it trains on the `train_days` before
    the purge (anchored: from `start`). A last test shorter than half of `test_days` is dropped.
    Raises ValidationError under `walk_forward` where none fits.
    """
    made = []
    test_start = start + timedelta(days=train_days + purge_days)
    while test_start <= end:
        test_end = min(test_start + timedelta(days=test_days - 1), end)
        if 2 * ((test_end - test_start).days + 1) < test_days:
            break
        train_end = test_start - timedelta(days=purge_days + 1)
        first = start if anchored else train_end - timedelta(days=train_days - 1)
        made.append(Fold(first, train_end, test_start, test_end))
        test_start += timedelta(days=test_days)
    if not made:
        needed = train_days + purge_days + math.ceil(test_days / 2)
        there = (end - start).days + 1
        raise ValidationError(
            fields={
                "walk_forward": [
                    f"one fold needs {needed:,} days (train, purge and half a test); "
                    f"there are {there:,}"
                ]
            }
        )
    return tuple(made)


def efficiency(out_of_sample: Floats, in_sample: Sequence[Floats]) -> float | None:
    """WFE: mean daily log return out of sample over the mean, of the folds' winners, in sample.

    `out_of_sample` are the daily returns of all test days, `in_sample` the chosen trial's of each
    fold with a winner. None when the latter is not positive, or a day is -1.
    """
    if not len(out_of_sample) or not in_sample:
        return None
    if any(float(np.min(returns)) <= -1.0 for returns in (out_of_sample, *in_sample)):
        return None
    inside = [float(np.mean(np.log1p(returns))) for returns in in_sample]
    mean_inside = sum(inside) / len(inside)
    if mean_inside <= 0.0:
        return None
    return float(np.mean(np.log1p(out_of_sample))) / mean_inside


def folds_positive(fold_returns: Sequence[float]) -> float | None:
    """Share of folds that ended above where they began."""
    if not fold_returns:
        return None
    return sum(value > 0.0 for value in fold_returns) / len(fold_returns)
