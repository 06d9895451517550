"""The probability of backtest overfitting: does the best of a search stay above the middle?

Combinatorially symmetric cross-validation after Bailey, Borwein, Lopez de Prado and Zhu, "The
Probability of Backtest Overfitting" (2017): the days are cut into S blocks; on each half of the
blocks the best trial is picked, and its rank on the other half is looked up.

The figure is noisy: of 20 trials without any skill over 480 days it lies between 0.19 and 0.86 in
nine cases of ten. It is a sentence, not a badge.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from engine.bars import Floats

MIN_ROWS = 10
# Enough that the figure may be shown without a shade of doubt.
ENOUGH_DAYS, ENOUGH_ROWS = 730, 20
_BLOCKS = ((320, 16), (160, 8))  # at least so many days: so many blocks
_CONSTANT = 1e-12
# Variance out of sums of squares, below which it is rounding and not variance.
_ROUNDING = 1e-14
_BATCH_VALUES = 2_000_000


@dataclass(frozen=True)
class Overfitting:
    """`value`: share of the halves after which the best trial fell to the middle or below.

    `rows` distinct trials were judged, `left_out` constant ones were not.
    """

    value: float
    blocks: int
    rows: int
    left_out: int
    median_logit: float
    p_loss: float
    enough: bool


def distinct_rows(returns: Floats) -> tuple[Floats, int]:
    """Rows (n, T) that vary, identical ones once, in their order; and how many constant ones
    were left out."""
    rows, seen, constant = [], set(), 0
    for row in np.asarray(returns, np.float64) + 0.0:  # so that -0.0 is 0.0
        if len(row) < 2 or float(np.std(row, ddof=1)) <= _CONSTANT:
            constant += 1
            continue
        key = row.tobytes()
        if key not in seen:
            seen.add(key)
            rows.append(row)
    days = np.shape(returns)[1] if np.ndim(returns) == 2 else 0
    return np.array(rows, np.float64).reshape(len(rows), days), constant


def blocks_for(days: int) -> int | None:
    """How many blocks `days` are cut into; None when there are too few for any."""
    return next((blocks for least, blocks in _BLOCKS if days >= least), None)


def probability_of_overfitting(returns: Floats) -> Overfitting | str:
    """PBO of the daily returns (n_trials, T) of all completed trials, or why there is none."""
    rows, left_out = distinct_rows(returns)
    count, days = rows.shape
    if count < MIN_ROWS:
        return f"{count} distinct trials; at least {MIN_ROWS} are needed"
    blocks = blocks_for(days)
    if blocks is None:
        return f"{days} days; at least {_BLOCKS[-1][0]} are needed"
    return of_rows(rows, blocks, left_out)


def of_rows(rows: Floats, blocks: int, left_out: int = 0) -> Overfitting:
    """PBO of rows (n, T) over `blocks` blocks; the days beyond a multiple of them are dropped."""
    count, days = rows.shape
    length = days // blocks
    cut = rows[:, : length * blocks].reshape(count, blocks, length)
    sums, squares = cut.sum(axis=2).T, (cut * cut).sum(axis=2).T  # (blocks, n)
    choices = np.array(list(itertools.combinations(range(blocks), blocks // 2)))
    observed = length * (blocks // 2)
    logits, losses = [], 0
    batch = max(1, _BATCH_VALUES // count)
    for first in range(0, len(choices), batch):
        chosen = choices[first : first + batch]
        halves = np.zeros((len(chosen), blocks))
        halves[np.arange(len(chosen))[:, None], chosen] = 1.0
        inside = _sharpe(halves @ sums, halves @ squares, observed)
        outside = _sharpe((1.0 - halves) @ sums, (1.0 - halves) @ squares, observed)
        winners = np.argmax(inside, axis=1)
        ratios = outside[np.arange(len(chosen)), winners][:, None]
        below = (outside < ratios).sum(axis=1)
        ties = (outside == ratios).sum(axis=1)
        shares = (below + (ties + 1) / 2.0) / (count + 1)
        logits.append(np.log(shares / (1.0 - shares)))
        losses += int((ratios < 0.0).sum())
    all_logits = np.concatenate(logits)
    return Overfitting(
        value=float(np.mean(all_logits <= 0.0)),
        blocks=blocks,
        rows=count,
        left_out=left_out,
        median_logit=float(np.median(all_logits)),
        p_loss=losses / len(choices),
        enough=days >= ENOUGH_DAYS and count >= ENOUGH_ROWS,
    )


def _sharpe(sums: Floats, squares: Floats, observed: int) -> Floats:
    """Sharpe ratios from sums and sums of squares; 0 where a half is constant."""
    means = sums / observed
    variances = (squares - sums * means) / (observed - 1)
    constant = variances <= np.maximum(_CONSTANT**2, _ROUNDING * squares / observed)
    ratios = means / np.sqrt(np.where(constant, 1.0, variances))
    return np.where(constant, 0.0, ratios)
