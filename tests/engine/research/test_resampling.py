"""The same trades in another order, some of them left out, and other days like these."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from engine.research.resampling import (
    deepest_drawdowns,
    p_value,
    returns_bootstrap,
    skipped_trades,
    trade_bootstrap,
    trade_order,
)
from tests.engine.research.portable import clustered_returns

SHARES = np.array([0.10, -0.05, 0.02, -0.20, 0.30])


def test_the_deepest_drawdown_of_a_curve():
    # 1, 1.1, 1.045, 1.0659, 0.85272, 1.108536: from 1.1 to 0.85272.
    assert deepest_drawdowns(SHARES[None, :])[0] == pytest.approx(0.85272 / 1.1 - 1)
    assert deepest_drawdowns(np.array([[0.1, 0.2]]))[0] == 0.0
    assert deepest_drawdowns(np.array([[0.1, -1.5, 0.5]]))[0] == -1.0


def test_random_orders_come_near_all_orders():
    result = trade_order(SHARES, samples=20_000, seed=1)
    every = deepest_drawdowns(np.array(list(itertools.permutations(SHARES))))
    at_least = np.mean(every >= result.max_drawdown.observed - 1e-12)
    assert result.p == pytest.approx(at_least, abs=0.02)
    assert result.max_drawdown.percentiles[2] == pytest.approx(np.median(every), abs=0.02)


def test_drawing_with_replacement_spreads_the_total():
    result = trade_bootstrap(SHARES, samples=20_000, seed=1)
    assert result.total_return.observed == pytest.approx(0.108536)
    draws = np.array(list(itertools.product(SHARES, repeat=5)))
    totals = np.prod(1 + draws, axis=1) - 1
    assert result.p_loss == pytest.approx(np.mean(totals < 0), abs=0.02)
    assert result.total_return.percentiles[2] == pytest.approx(np.median(totals), abs=0.02)


def test_without_the_best_trades():
    result = skipped_trades(SHARES, samples=100, seed=0)
    assert result.without_best[1] == pytest.approx(1.1 * 0.95 * 1.02 * 0.8 - 1)
    assert result.without_best[3] == pytest.approx(0.95 * 0.8 - 1)
    assert 5 not in result.without_best  # nothing would be left


def test_the_earlier_of_equal_trades_is_left_out_first():
    result = skipped_trades(np.array([0.1, 0.1, -0.1, 0.0]), samples=10, seed=0)
    assert result.without_best[1] == pytest.approx(1.1 * 0.9 - 1)


def test_skipping_with_a_probability():
    result = skipped_trades(SHARES, samples=20_000, seed=2)
    subsets = list(itertools.product([0, 1], repeat=5))
    weights = [0.8 ** sum(kept) * 0.2 ** (5 - sum(kept)) for kept in subsets]
    totals = [math.prod(1 + s for s, k in zip(SHARES, kept, strict=True) if k) for kept in subsets]
    mean = sum(w * t for w, t in zip(weights, totals, strict=True)) - 1
    assert result.by_probability[0.20].percentiles[2] == pytest.approx(mean, abs=0.03)


def test_histories_of_daily_returns():
    returns = clustered_returns() + 0.0008
    result = returns_bootstrap(returns, samples=500, seed=0)
    assert result.sharpe_ratio.observed == pytest.approx(1.6231769169, abs=1e-9)
    assert result.blocks["cagr"] == 1.0
    assert result.blocks["max_drawdown"] == pytest.approx(21.910672, abs=1e-6)  # of abs(returns)
    assert result.blocks["sharpe_ratio"] == result.blocks["max_drawdown"]
    assert result.cagr.observed == pytest.approx(math.prod(1 + returns) ** (365 / 1000) - 1)
    low, *_, high = result.sharpe_ratio.percentiles
    assert low < 1.62 < high
    assert result == returns_bootstrap(returns, samples=500, seed=0)


def test_no_p_is_zero():
    assert p_value(10.0, np.zeros(999)) == 1 / 1000
    assert p_value(0.0, np.zeros(999)) == 1.0


def test_batches_keep_the_number_of_samples(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("engine.research.resampling._BATCH_VALUES", 11)
    assert trade_order(SHARES, samples=5, seed=0).p <= 1.0
    assert p_value(-9.0, np.zeros(5)) == 1.0
