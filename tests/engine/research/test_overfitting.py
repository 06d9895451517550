"""The probability of backtest overfitting; values equal to ffn's on the same matrices."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.research.overfitting import (
    Overfitting,
    blocks_for,
    distinct_rows,
    of_rows,
    probability_of_overfitting,
)
from tests.engine.research.portable import normals

NOISE = (normals(480 * 20, 7).reshape(480, 20) * 0.01).T


def test_three_trials_over_eight_days_by_hand():
    days = [
        [1, -2, 0.5], [2, 1, -1], [-1, 3, 0.5], [0, 2, 1],
        [3, -1, 0], [1, 0, 2], [-2, 1, 1], [2, 2, -1],
    ]  # fmt: skip
    result = of_rows(np.array(days).T / 100, 4)
    assert result.value == 1.0
    assert result.median_logit == pytest.approx(-1.0986122887, abs=1e-10)
    assert result.p_loss == 0.5


def test_noise_is_overfitted():
    result = of_rows(NOISE, 8)
    assert result.value == pytest.approx(0.7857142857, abs=1e-10)
    assert result.median_logit == pytest.approx(-0.9162907319, abs=1e-10)
    assert result.p_loss == pytest.approx(0.6285714286, abs=1e-10)
    assert of_rows(NOISE, 16).value == pytest.approx(0.7002331002, abs=1e-10)


def test_skill_is_not():
    skilled = NOISE.copy()
    skilled[3] += 0.002
    assert of_rows(skilled, 8).value == 0.0


def test_ranks_that_turn_over_are_seen():
    turned = NOISE.copy()
    drift = 0.0016 * (np.arange(20) - 9.5) / 9.5
    turned[:, :240] += drift[:, None]
    turned[:, 240:] -= drift[:, None]
    assert of_rows(turned, 8).value == pytest.approx(0.9285714286, abs=1e-10)


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch):
    whole = of_rows(NOISE, 8)
    monkeypatch.setattr("engine.research.overfitting._BATCH_VALUES", 61)
    assert of_rows(NOISE, 8) == whole


def test_identical_rows_count_once_and_constant_ones_not_at_all():
    rows = np.concatenate([NOISE, NOISE[4:9], np.zeros((3, 480)), np.full((1, 480), 0.01)])
    distinct, constant = distinct_rows(rows)
    assert distinct.tolist() == NOISE.tolist()
    assert constant == 4
    result = probability_of_overfitting(rows)
    assert isinstance(result, Overfitting)
    assert (result.rows, result.left_out, result.blocks) == (20, 4, 16)
    assert not result.enough  # 480 days


def test_a_half_without_a_trade_has_a_ratio_of_nothing():
    idle = NOISE[:10, :16].copy()
    idle[0, :8] = 0.0
    assert math.isfinite(of_rows(idle, 2).median_logit)


@pytest.mark.parametrize(("days", "blocks"), [(159, None), (160, 8), (319, 8), (320, 16)])
def test_how_many_blocks_days_are_cut_into(days: int, blocks: int | None):
    assert blocks_for(days) == blocks


def test_too_few_trials_or_days_are_said():
    assert "9 distinct trials" in str(probability_of_overfitting(NOISE[:9]))
    assert "159 days" in str(probability_of_overfitting(NOISE[:, :159]))
    assert "0 distinct trials" in str(probability_of_overfitting(np.empty((0, 200))))
