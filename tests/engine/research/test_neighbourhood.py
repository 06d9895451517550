"""The winner is the best neighbourhood, not the best cell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from engine.research.neighbourhood import (
    Scores,
    at_edge,
    drawn_neighbours,
    grid_neighbours,
    scores,
)
from engine.research.space import Axis, grid, read_space

HILL_AND_SPIKE = np.array(
    [
        [0.2, 0.3, 0.4, 0.3, 0.2],
        [0.3, 0.8, 0.9, 0.8, 0.3],
        [0.4, 0.9, 1.0, 0.9, 0.4],
        [0.3, 0.8, 0.9, 0.8, 0.3],
        [2.0, 0.3, 0.4, 0.3, 0.2],
    ]
)


def axes(**specs: Any) -> tuple[Axis, ...]:
    defaults: dict[str, Any] = {"a": 1, "b": 1, "kind": "x"}
    return read_space(specs, defaults, grid=True)


FIVE_BY_FIVE = axes(a={"from": 0, "to": 4}, b={"from": 0, "to": 4})


def judge(objective: np.ndarray, feasible: np.ndarray | None = None, **options: Any) -> Scores:
    cells = grid(FIVE_BY_FIVE, None, 25)
    return scores(
        objective.ravel(),
        np.ones(25, bool) if feasible is None else feasible.ravel(),
        grid_neighbours(FIVE_BY_FIVE, cells),
        maximise=options.get("maximise", True),
    )


def test_a_hill_beats_a_spike():
    result = judge(HILL_AND_SPIKE)
    assert divmod(result.best, 5) == (4, 0)
    assert result.plateau[20] == pytest.approx(0.275)
    assert divmod(result.winner, 5) == (2, 2)
    assert result.score[12] == pytest.approx(0.8666666667, abs=1e-10)
    assert result.plateau[12] == pytest.approx(0.9)


def test_lower_is_better_where_it_is():
    result = judge(-HILL_AND_SPIKE, maximise=False)
    assert (divmod(result.best, 5), divmod(result.winner, 5)) == ((4, 0), (2, 2))
    assert math.isnan(result.plateau[12])  # its own value is not above 0


def test_infeasible_neighbours_count_as_the_worst_feasible_value():
    feasible = np.ones((5, 5), bool)
    feasible[4, 0] = False
    result = judge(HILL_AND_SPIKE, feasible)
    # (3, 0): itself .3, neighbours .4 .9 .8 .3, and for the spike the worst feasible, .2.
    assert result.score[15] == pytest.approx((0.4 + 0.9 + 0.3 + 0.8 + 0.2 + 0.3) / 6)
    assert math.isnan(result.score[20])
    assert divmod(result.best, 5) == (2, 2)


def test_none_feasible_has_no_winner():
    result = judge(HILL_AND_SPIKE, np.zeros((5, 5), bool))
    assert (result.winner, result.best) == (None, None)
    result = judge(np.full((5, 5), math.nan))
    assert (result.winner, result.best) == (None, None)


def test_ties_go_to_the_better_own_value_then_to_the_lower_number():
    flat = judge(np.ones((5, 5)))
    assert (flat.winner, flat.best) == (0, 0)
    pair = scores(
        np.array([1.0, 3.0]), np.ones(2, bool), iter([np.array([1]), np.array([0])]), maximise=True
    )
    assert pair.winner == 1


def test_neighbours_are_equal_in_what_has_no_order():
    mixed = axes(a={"values": [3, 1, 2]}, kind={"values": ["x", "y"]})
    near = list(grid_neighbours(mixed, grid(mixed, None, 6)))
    # Cells: (3,x) (3,y) (1,x) (1,y) (2,x) (2,y); by value 2 lies between 1 and 3.
    assert [row.tolist() for row in near] == [[4], [5], [4], [5], [0, 2], [1, 3]]


def test_what_a_condition_excludes_is_no_neighbour():
    cells = np.array([[0, 0], [1, 1], [3, 3]])
    near = list(grid_neighbours(FIVE_BY_FIVE, cells))
    assert [row.tolist() for row in near] == [[1], [0], []]


def test_a_trial_alone_has_no_plateau():
    lone = scores(np.array([1.0]), np.ones(1, bool), iter([np.array([], int)]), maximise=True)
    assert lone.winner == 0
    assert math.isnan(lone.plateau[0])


def test_the_nearest_of_drawn_ones():
    drawn_axes = read_space(
        {"a": {"from": 0, "to": 100}, "kind": {"values": ["x", "y"]}},
        {"a": 1, "kind": "x"},
        grid=False,
    )
    configurations = [{"a": a, "kind": "x"} for a in (0, 10, 20, 30, 40, 50, 60, 70)]
    configurations.append({"a": 0, "kind": "y"})
    near = list(drawn_neighbours(drawn_axes, configurations))
    # 2 d + 2 = 6: for a = 0 those at .1 to .6; the y at the same place is a whole 1 away.
    assert near[0].tolist() == [1, 2, 3, 4, 5, 6]
    assert near[2].tolist() == [1, 3, 0, 4, 5, 6]


def test_comparing_every_cell_with_every_other_finds_the_same(monkeypatch: pytest.MonkeyPatch):
    whole = judge(HILL_AND_SPIKE)
    monkeypatch.setattr("engine.research.neighbourhood._MANY_STEPS", 0)
    monkeypatch.setattr("engine.research.neighbourhood._BATCH_VALUES", 60)
    assert judge(HILL_AND_SPIKE).score.tolist() == whole.score.tolist()


def test_a_winner_at_the_end_of_a_range_is_marked():
    assert at_edge(FIVE_BY_FIVE, {"a": 0, "b": 2}, grid=True) == ["a"]
    assert at_edge(FIVE_BY_FIVE, {"a": 4, "b": 4}, grid=True) == ["a", "b"]
    wide = axes(a={"from": 0, "to": 100}, b={"values": [7]})
    assert at_edge(wide, {"a": 2, "b": 7}, grid=True) == []
    assert at_edge(wide, {"a": 2, "b": 7}, grid=False) == ["a"]
    assert at_edge(wide, {"a": 97, "b": 7}, grid=False) == []
