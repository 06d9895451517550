"""The stationary bootstrap and its block length; values of other programs on portable series."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.research.bootstrap import (
    block_length,
    indices_of,
    resampled,
    sharpe_interval,
    sharpe_ratios,
    stationary_indices,
)
from tests.engine.research.portable import clustered_returns, normals, uniforms


def autoregressive() -> np.ndarray:
    e = normals(1000, 11)
    values = [e[0]]
    for step in e[1:]:
        values.append(0.6 * values[-1] + step)
    return np.array(values)


def test_block_lengths_are_those_that_arch_finds():
    clustered = clustered_returns()
    assert block_length(autoregressive()) == pytest.approx(12.4941833926, abs=1e-9)
    assert block_length(clustered**2) == pytest.approx(30.1153575062, abs=1e-9)
    assert block_length(np.abs(clustered)) == pytest.approx(22.3395455014, abs=1e-9)


def test_a_series_without_dependence_needs_no_blocks():
    # Unbounded these would be 0.88 and 0.65 days.
    assert block_length(normals(1000, 11)) == 1.0
    assert block_length(clustered_returns()) == 1.0
    assert block_length(np.zeros(100)) == 1.0
    assert block_length(np.array([0.1])) == 1.0


def test_indices_go_on_until_a_coin_starts_a_new_block():
    drawn = uniforms(20, 100).reshape(10, 2)
    indices = indices_of(drawn[None, :, 0], drawn[None, :, 1], block=3.0)
    assert indices[0].tolist() == [5, 6, 7, 5, 6, 7, 5, 6, 7, 8]


def test_the_day_after_the_last_is_the_first():
    places, coins = np.array([[0.99, 0.0, 0.0]]), np.array([[0.0, 0.9, 0.9]])
    assert indices_of(places, coins, block=5.0)[0].tolist() == [2, 0, 1]


def test_a_thousand_histories_of_a_portable_series():
    returns = clustered_returns() + 0.0008
    drawn = np.array([uniforms(2000, 100 + k).reshape(1000, 2) for k in range(1000)])
    indices = indices_of(drawn[:, :, 0], drawn[:, :, 1], block=20.0)
    ratios = sharpe_ratios(returns[indices]) * math.sqrt(365)
    low, middle, high = np.percentile(ratios, [5, 50, 95])
    assert low == pytest.approx(0.4307575940, abs=1e-9)
    assert middle == pytest.approx(1.6617246463, abs=1e-9)
    assert high == pytest.approx(2.6963306171, abs=1e-9)
    assert np.mean(ratios <= 0.0) == 0.019


def test_as_many_samples_as_were_asked_for_in_however_many_batches(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("engine.research.bootstrap._BATCH_VALUES", 70)
    random = np.random.default_rng(0)
    assert [len(one) for one in stationary_indices(10, 2.0, 20, random)] == [7, 7, 6]


def test_the_interval_holds_the_sharpe_ratio_and_repeats_itself():
    returns = clustered_returns() + 0.0008
    low, high = sharpe_interval(returns)
    observed = float(sharpe_ratios(returns[None, :])[0])
    assert low < observed < high
    assert sharpe_interval(returns) == (low, high)


def test_a_constant_history_counts_as_nothing():
    assert sharpe_ratios(np.full((1, 10), 0.01)).tolist() == [0.0]


def test_the_same_seed_gives_the_same_histories():
    series = normals(100, 3)
    one, two = (resampled(series, sharpe_ratios, block=5.0, samples=50, seed=4) for _ in range(2))
    assert one.tolist() == two.tolist()
