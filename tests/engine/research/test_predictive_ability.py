"""Hansen's test: skill among many trials is found, luck is not, and a wild row hides nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.research.predictive_ability import (
    PredictiveAbility,
    long_run_deviations,
    predictive_ability,
)
from tests.engine.research.portable import normals


def ability(returns: np.ndarray, **options: int) -> PredictiveAbility:
    result = predictive_ability(returns, **options)
    assert isinstance(result, PredictiveAbility)
    return result


ROWS = normals(500 * 10, 21).reshape(500, 10).T * 0.01


def test_an_edge_is_found():
    edge = ROWS.copy()
    edge[4] += 0.0015
    assert ability(edge, samples=2000).p_value == pytest.approx(1 / 2001, abs=2e-3)


def test_no_edge_is_not():
    assert ability(ROWS, samples=2000).p_value > 0.5


def test_a_wild_row_without_skill_does_not_hide_a_good_one():
    edge = np.concatenate([ROWS, normals(500, 77)[None, :] * 0.5])
    edge[4] += 0.0025
    assert ability(edge).p_value < 0.01


def test_rows_that_lose_leave_nothing_to_explain():
    result = ability(ROWS - 0.01)
    assert result.statistic == 0.0
    assert result.p_value == 1.0


def test_the_long_run_variance_without_blocks_is_the_variance():
    row = ROWS[:1, :40]
    assert long_run_deviations(row, 1.0)[0] == pytest.approx(np.std(row[0]))


def test_the_long_run_variance_is_the_kernel_weighted_sum():
    row, block, days = ROWS[:1, :50], 7.0, 50
    centred = row[0] - row[0].mean()
    total = float(centred @ centred) / days
    for lag in range(1, days):
        covariance = float(centred[lag:] @ centred[:-lag]) / days
        stay = 1 - 1 / block
        kernel = (days - lag) / days * stay**lag + lag / days * stay ** (days - lag)
        total += 2 * kernel * covariance
    assert long_run_deviations(row, block)[0] == pytest.approx(math.sqrt(total))


def test_the_seed_decides():
    assert ability(ROWS, seed=3) == ability(ROWS, seed=3)


def test_too_little_is_said():
    assert "1 distinct trials" in str(predictive_ability(ROWS[:1]))
    assert "29 days" in str(predictive_ability(ROWS[:, :29]))
