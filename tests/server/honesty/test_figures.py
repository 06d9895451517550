from __future__ import annotations

import math

import numpy as np
import pytest

from engine.history.store import Store as MarketStore
from engine.research.significance import sample_of
from server.honesty.figures import of_returns, own_figures, sharpe_of
from server.jobs.execution import execute
from server.settings import Settings
from tests.server.rooms import HonestRoom, request


def test_figures_are_those_of_the_returns() -> None:
    returns = np.random.default_rng(1).normal(0.001, 0.02, 100)
    found = of_returns(returns)
    sample = sample_of(returns)
    assert not isinstance(sample, str)
    assert (found["days"], found["sharpe"]) == (100, sample.sharpe)
    assert (found["skewness"], found["kurtosis"]) == (sample.skewness, sample.kurtosis)
    low, high = found["sharpe_interval"]
    assert low < found["sharpe"] * math.sqrt(365) < high


def test_returns_that_do_not_vary_have_no_ratio() -> None:
    found = of_returns(np.zeros(40))
    assert found["sharpe"] is None
    assert found["reason"] == "the daily returns do not vary"
    assert sharpe_of(np.array([0.1])) is None


def test_an_account_that_was_lost_has_no_returns() -> None:
    assert of_returns(np.empty(0))["reason"] == "0 daily returns; at least 30 are needed"


def test_the_break_even_fee_is_the_one_that_costs_the_gain(settings: Settings) -> None:
    # Seven round trips of half a unit, bought at 102 and sold at 112: 35 gained before fees on
    # notionals of 0.5 x 214 x 7 = 749.
    market = MarketStore(settings.data_directory, settings.cache_directory)
    execution = execute(request(), HonestRoom(), market)
    assert execution.results is not None
    found = own_figures(execution.results)["break_even_fee_rate"]
    assert found == pytest.approx(35 / 749)
    at_it = execute(request(fee_rate=found), HonestRoom(), market)
    assert at_it.results is not None
    assert at_it.results.metrics["total_return"] == pytest.approx(0.0, abs=1e-9)
