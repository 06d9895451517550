"""The same positions at other moments; bars turned over and set elsewhere."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.research.null_models import (
    Moves,
    NullTest,
    mirrored,
    random_entries,
    rearranged,
    shifted_positions,
)
from tests.engine.research.portable import normals


def placed(holds: list[int], gaps: list[int]) -> np.ndarray:
    series: list[float] = []
    for gap, hold in zip(gaps, [*holds, 0], strict=True):
        series += [0.0] * gap + [1.0] * hold
    return np.array(series)


WEIGHTS = placed([3, 5, 2, 4, 1], [4, 1, 6, 9, 2, 3])
RETURNS = normals(40, 31) * 0.01 + 0.0005


def test_perfect_timing_is_not_luck():
    foresight = np.where(WEIGHTS > 0, 0.01, -0.01)
    for result in (
        random_entries(WEIGHTS, foresight, samples=999, seed=0),
        shifted_positions(WEIGHTS, foresight),
    ):
        assert isinstance(result, NullTest)
        assert result.observed == pytest.approx(0.15)
        assert result.p <= 0.026  # 1 of 39 shifts and itself at most


def test_timing_without_skill_is():
    result = random_entries(WEIGHTS, RETURNS, samples=999, seed=0)
    assert isinstance(result, NullTest)
    assert result.observed == pytest.approx(float(WEIGHTS @ RETURNS))
    assert result.p > 0.05


def test_moved_holds_keep_their_sizes_and_the_exposure():
    """On returns that are all one, every arrangement sums to the same."""
    weights = WEIGHTS * np.linspace(1, 2, 40)
    result = random_entries(weights, np.ones(40), samples=200, seed=1)
    assert isinstance(result, NullTest)
    assert result.p == 1.0


def test_a_flip_is_two_holds_with_no_gap_between():
    weights = np.array([1.0, 1.0, -1.0, -1.0, 1.0, 0.0, -1.0, 1.0])
    result = random_entries(weights, np.ones(8), samples=50, seed=0)
    assert isinstance(result, NullTest)
    assert result.observed == pytest.approx(1.0)
    assert result.p == 1.0


def test_shifts_are_those_of_a_circle():
    weights = placed([1, 1, 1, 1, 1], [0, 1, 1, 1, 1, 1])
    returns = np.arange(10.0)
    result = shifted_positions(weights, returns)
    # Ten bars: 0+2+4+6+8 = 20; every odd lag gives 25, every even one 20.
    assert result == NullTest(20.0, 1.0, 9)


def test_few_holds_say_nothing():
    assert "4 holds" in str(random_entries(placed([1] * 4, [1] * 5), np.ones(9), samples=9, seed=0))
    assert "4 holds" in str(shifted_positions(placed([1] * 4, [1] * 5), np.ones(9)))


OPEN = np.array([100.0, 102.0, 101.0])
HIGH = np.array([103.0, 104.0, 102.0])
LOW = np.array([99.0, 100.0, 98.0])
CLOSE = np.array([101.0, 103.0, 99.0])


def test_bars_survive_the_way_to_moves_and_back():
    prices = Moves.of(OPEN, HIGH, LOW, CLOSE).prices()
    for column, original in zip(prices, (OPEN, HIGH, LOW, CLOSE), strict=True):
        assert column == pytest.approx(original)


def test_a_mirrored_bar_falls_by_what_it_rose():
    moves = mirrored(Moves.of(OPEN, HIGH, LOW, CLOSE), np.array([False, True, False]))
    open_, high, low, close = moves.prices()
    assert open_[0] == 100.0
    assert open_[1] == pytest.approx(101 * 101 / 102)  # a gap up of 102/101 becomes one down
    assert close[1] == pytest.approx(open_[1] * 102 / 103)
    assert high[1] == pytest.approx(open_[1] * 102 / 100)
    assert low[1] == pytest.approx(open_[1] * 102 / 104)
    assert close[2] / open_[2] == pytest.approx(99 / 101)


def test_mirroring_keeps_absolute_moves():
    flipped = np.array([True, False, True])
    turned = mirrored(Moves.of(OPEN, HIGH, LOW, CLOSE), flipped)
    *_, close = turned.prices()
    moves = np.diff(np.log(np.concatenate([[100.0], close])))
    original = np.diff(np.log(np.concatenate([[100.0], CLOSE])))
    assert np.sort(np.abs(moves[:1])) == pytest.approx(np.abs(original[:1]))
    assert math.isclose(float(np.ptp([turned.up[0], turned.down[0]])), math.log(103 / 99))


def test_bars_set_in_another_order_stay_whole():
    moves = rearranged(Moves.of(OPEN, HIGH, LOW, CLOSE), np.array([2, 0, 1]))
    open_, high, low, close = moves.prices()
    assert open_[0] == 100.0
    assert close[0] == pytest.approx(99.0 * 100 / 101)
    assert open_[1] == pytest.approx(close[0])  # the first bar has no gap to bring along
    assert high[2] / open_[2] == pytest.approx(104 / 102)
    assert (high >= np.maximum(open_, close)).all()
    assert (low <= np.minimum(open_, close)).all()
