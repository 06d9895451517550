"""Sharpe ratios and what they are worth; numbers of the papers, and of other programs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.research.significance import (
    Sample,
    deflated_sharpe_ratio,
    expected_best_sharpe,
    lag_one_autocorrelation,
    minimum_track_record_days,
    probabilistic_sharpe_ratio,
    sample_of,
    spread_of_trials,
)
from tests.engine.research.portable import normals, skewed_returns

# The example of "The Deflated Sharpe Ratio": 2.5 a year of 250 days over five years.
PAPER = Sample(days=1250, sharpe=2.5 / math.sqrt(250), skewness=-3.0, kurtosis=10.0)
PAPER_SPREAD = math.sqrt(0.5 / 250)


def test_the_expected_best_of_a_hundred_is_that_of_the_paper():
    assert expected_best_sharpe(100, PAPER_SPREAD) == pytest.approx(0.1131720019, abs=1e-10)


@pytest.mark.parametrize(
    ("trials", "best"),
    [(1, 0.0), (2, 0.5197553443), (10, 1.5745983013), (1000, 3.2551215137)],
)
def test_the_expected_best_grows_with_the_number_of_trials(trials: int, best: float):
    assert expected_best_sharpe(trials, 1.0) == pytest.approx(best, abs=1e-10)


@pytest.mark.parametrize(("trials", "dsr"), [(100, 0.9003968344), (46, 0.9505017069)])
def test_the_deflated_sharpe_ratio_is_that_of_the_paper(trials: int, dsr: float):
    assert deflated_sharpe_ratio(PAPER, trials, PAPER_SPREAD) == pytest.approx(dsr, abs=1e-10)


def test_one_try_is_not_deflated():
    assert deflated_sharpe_ratio(PAPER, 1, PAPER_SPREAD) == probabilistic_sharpe_ratio(PAPER)


CRYPTO = Sample(days=730, sharpe=1.5 / math.sqrt(365), skewness=-0.5, kurtosis=8.0)


def test_a_crypto_strategy_over_two_years():
    assert probabilistic_sharpe_ratio(CRYPTO) == pytest.approx(0.9807144935, abs=1e-10)
    spread = 1 / math.sqrt(729)
    for trials, dsr in ((10, 0.7026773051), (100, 0.3442730824), (1000, 0.1339586328)):
        assert deflated_sharpe_ratio(CRYPTO, trials, spread) == pytest.approx(dsr, abs=1e-10)
    assert minimum_track_record_days(CRYPTO) == pytest.approx(461.863751, abs=1e-6)


def test_the_track_record_that_two_a_year_needs_against_one():
    daily = Sample(days=1000, sharpe=2 / math.sqrt(252), skewness=0.0, kurtosis=3.0)
    days = minimum_track_record_days(daily, benchmark=1 / math.sqrt(252))
    assert days == pytest.approx(688.208037, abs=1e-6)


def test_the_moments_of_a_series_are_the_population_ones():
    returns = np.array([0.01, -0.01, 0.03, -0.03] * 10)
    sample = sample_of(returns)
    assert isinstance(sample, Sample)
    # m2 = 0.0005, m4 = (0.01^4 + 0.03^4) / 2 = 4.1e-7.
    assert sample.days == 40
    assert sample.sharpe == pytest.approx(0.0, abs=1e-12)
    assert sample.skewness == pytest.approx(0.0, abs=1e-12)
    assert sample.kurtosis == pytest.approx(4.1e-7 / 0.0005**2)


def test_a_series_that_other_programs_have_judged_too():
    sample = sample_of(skewed_returns())
    assert isinstance(sample, Sample)
    others = [normals(730, 100 + i) for i in range(20)]
    sharpes = [float(np.mean(r) / np.std(r, ddof=1)) for r in others]
    spread = spread_of_trials(sharpes, [730] * 20, 730, 20)
    assert probabilistic_sharpe_ratio(sample) == pytest.approx(0.926436117753, abs=1e-12)
    assert deflated_sharpe_ratio(sample, 20, spread) == pytest.approx(0.427985611910, abs=1e-12)
    assert minimum_track_record_days(sample) == pytest.approx(939.41463133, abs=1e-8)


def test_windows_of_unlike_length_are_brought_on_one_scale():
    # SR sqrt(T - 1): 0.2 x 5 = 1 and 0.1 x 20 = 2; their deviation is sqrt(0.5), over sqrt(99).
    spread = spread_of_trials([0.2, 0.1], [26, 401], 100, 50)
    assert spread == pytest.approx(math.sqrt(0.5) / math.sqrt(99))


def test_few_trials_have_at_least_the_sampling_error_of_one():
    assert spread_of_trials([0.1, 0.1], [100, 100], 101, 9) == pytest.approx(0.1)
    assert spread_of_trials([0.1, 0.1], [100, 100], 101, 10) == 0.0
    assert spread_of_trials([0.1], [100], 101, 50) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("returns", "reason"),
    [
        (np.full(29, 0.01), "29 daily returns"),
        (np.full(30, 0.01), "do not vary"),
        (np.array([math.nan] * 30), "not finite"),
    ],
)
def test_nothing_is_said_of_too_little(returns: np.ndarray, reason: str):
    assert reason in str(sample_of(returns))


def test_a_losing_strategy_has_no_track_record_length():
    assert minimum_track_record_days(Sample(100, -0.1, 0.0, 3.0)) is None


def test_a_root_that_is_not_positive_gives_no_probability():
    assert probabilistic_sharpe_ratio(Sample(100, 1.0, 3.0, 1.0)) is None


def test_returns_that_alternate_are_correlated_with_the_day_before():
    assert lag_one_autocorrelation(np.array([0.01, -0.01] * 50)) == pytest.approx(-0.99)
    assert lag_one_autocorrelation(np.zeros(50)) is None


def test_luck_is_seen_through_and_skill_is_not_always():
    """Of 200 runs without skill over 730 days the best looks good and is not believed."""
    believed = fooled = 0
    for seed in range(100):
        noise = np.random.default_rng(seed).standard_normal((200, 730)) * 0.01
        ratios = noise.mean(axis=1) / noise.std(axis=1, ddof=1)
        sample = sample_of(noise[np.argmax(ratios)])
        assert isinstance(sample, Sample)
        spread = spread_of_trials(list(ratios), [730] * 200, 730, 200)
        believed += (deflated_sharpe_ratio(sample, 200, spread) or 0.0) > 0.95
        fooled += (probabilistic_sharpe_ratio(sample) or 0.0) > 0.95
    assert believed <= 5
    assert fooled >= 95


def test_an_edge_is_found_where_its_own_spread_does_not_hide_it():
    found = 0
    for seed in range(100):
        returns = np.random.default_rng(seed).standard_normal((20, 480)) * 0.01
        returns[7] += 0.002  # 0.2 daily standard deviations
        ratios = returns.mean(axis=1) / returns.std(axis=1, ddof=1)
        best = int(np.argmax(ratios))
        sample = sample_of(returns[best])
        assert isinstance(sample, Sample)
        others = [float(ratio) for k, ratio in enumerate(ratios) if k != best]
        spread = spread_of_trials(others, [480] * 19, 480, 20)
        found += (deflated_sharpe_ratio(sample, 20, spread) or 0.0) > 0.95
    assert found >= 70
