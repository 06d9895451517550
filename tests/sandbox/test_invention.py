"""Invented bars: the past stays, and nothing tells the future from a real one."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.invention import invent
from tests.sandbox.conftest import make_bars

CUT = 1999
Columns = tuple[np.ndarray, ...]


@pytest.fixture
def columns() -> Columns:
    """Five thousand bars in cents and thousandths: some still, some without volume, some gaps."""
    bars = make_bars(5000)
    random = np.random.default_rng(2)
    close = np.round(bars.close, 2)
    open_ = np.append(close[0], close[:-1])
    gaps = random.random(5000) < 0.3
    open_[gaps] = np.round(open_[gaps] * 1.0004, 2)
    still = random.random(5000) < 0.1
    open_[still] = close[still]
    high = np.round(np.maximum(open_, close) * np.where(still, 1.0, 1.001), 2)
    low = np.round(np.minimum(open_, close) * np.where(still, 1.0, 0.999), 2)
    volume = np.round(random.lognormal(1.0, 1.0, 5000), 3) * (random.random(5000) > 0.2)
    return open_, high, low, close, volume


def share(condition: np.ndarray) -> float:
    return float(np.mean(condition))


def test_the_past_stays_and_prices_of_the_future_do_not(columns: Columns) -> None:
    before = [column.copy() for column in columns]
    invent(columns, CUT, seed=1)
    for old, new in zip(before, columns, strict=True):
        assert np.array_equal(old[: CUT + 1], new[: CUT + 1])
    for old, new in zip(before[:4], columns[:4], strict=True):
        assert share(old[CUT + 2 :] == new[CUT + 2 :]) < 0.01


def test_invented_bars_are_valid(columns: Columns) -> None:
    invent(columns, CUT, seed=1)
    open_, high, low, close, volume = columns
    assert np.all(np.isfinite(np.concatenate(columns)))
    assert np.all(low > 0)
    assert np.all(high >= np.maximum(open_, close))
    assert np.all(low <= np.minimum(open_, close))
    assert np.all(volume >= 0)


def test_bars_without_volume_movement_or_gap_come_as_often_as_in_the_past(columns: Columns) -> None:
    past = [column[: CUT + 1].copy() for column in columns]
    invent(columns, CUT, seed=1)
    future = [column[CUT + 1 :] for column in columns]
    for odd in (
        lambda o, h, lo, c, v: v == 0,
        lambda o, h, lo, c, v: h == lo,
        lambda o, h, lo, c, v: np.append(False, o[1:] == c[:-1]),
    ):
        assert share(odd(*future)) == pytest.approx(share(odd(*past)), abs=0.05)
    moves = [np.std(np.diff(np.log(part[3]))) for part in (past, future)]
    assert 0.5 < moves[1] / moves[0] < 2.0


def test_volumes_are_not_copied(columns: Columns) -> None:
    past = set(columns[4][: CUT + 1].tolist())
    columns[4][:] = columns[4] * 1000 + 0.123 * (columns[4] > 0)  # many digits: no chance matches
    past = set(columns[4][: CUT + 1].tolist()) - {0.0}
    invent(columns, CUT, seed=1)
    assert share(np.isin(columns[4][CUT + 1 :], list(past))) < 0.05


@pytest.mark.parametrize(
    ("tick", "decimals"), [(0.01, 2), (0.5, 1), (10.0, 0), (0.05, 2), (1 / 64, 6)]
)
def test_prices_keep_their_ticks(columns: Columns, tick: float, decimals: int) -> None:
    for column in columns[:4]:
        column[:] = np.round(np.round(column / tick) * tick, decimals)
    columns[1][:] = np.maximum.reduce(columns[:4])
    columns[2][:] = np.minimum.reduce(columns[:4])
    invent(columns, CUT, seed=1)
    for column in columns[:4]:
        steps = np.round(column / tick)
        assert np.array_equal(np.round(steps * tick, decimals), column)


def test_prices_of_dust_stay_above_zero(columns: Columns) -> None:
    for column in columns[:4]:
        column[:] = 1e-8
    invent(columns, CUT, seed=1)
    assert min(column.min() for column in columns[:4]) == 1e-8


def test_the_same_seed_invents_the_same_and_another_does_not(columns: Columns) -> None:
    twin, other = (tuple(c.copy() for c in columns) for _ in range(2))
    invent(columns, 10, seed=1)
    invent(twin, 10, seed=1)
    invent(other, 10, seed=2)
    assert all(np.array_equal(a, b) for a, b in zip(columns, twin, strict=True))
    assert not np.array_equal(columns[3], other[3])


@pytest.mark.parametrize("cut", [0, 1, 4998, 4999])
def test_cuts_at_the_edges(columns: Columns, cut: int) -> None:
    last = columns[3][cut]
    invent(columns, cut, seed=1)
    assert np.all(np.isfinite(np.concatenate(columns)))
    assert columns[3][cut] == last


def test_a_long_walk_turns_back(columns: Columns) -> None:
    wild = tuple(np.round(c, 2) for c in columns[:4])
    close = np.exp(np.random.default_rng(1).standard_normal(5000) * 0.3 + 5)
    for column in wild:
        column[:] = np.round(close, 2)
    invent((*wild, columns[4]), 100, seed=3)
    assert np.all(wild[3] > np.exp(-2.3) * wild[3][100])
    assert np.all(wild[3] < np.exp(2.3) * wild[3][100])
