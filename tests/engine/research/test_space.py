"""Reading a space, every error at its field; the cells of a grid; distinct draws."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import ValidationError
from engine.research.space import Axis, configuration, draws, grid, read_space
from engine.research.where import parse

DEFAULTS: dict[str, Any] = {"fast": 20, "share": 0.5, "flag": True, "kind": "sma"}


def axis(name: str, spec: Any, *, in_grid: bool = True) -> Axis:
    return read_space({name: spec}, DEFAULTS, grid=in_grid)[0]


def values(one: Axis) -> list[Any]:
    assert one.count is not None
    return [one.value(i) for i in range(one.count)]


def test_a_stepped_range_is_that_of_its_decimals():
    assert values(axis("share", {"from": 0.1, "to": 0.5, "step": 0.1})) == [0.1, 0.2, 0.3, 0.4, 0.5]


def test_an_end_off_the_steps_is_left_out():
    assert values(axis("fast", {"from": 5, "to": 21, "step": 5})) == [5, 10, 15, 20]


def test_ints_step_by_one():
    assert values(axis("fast", {"from": -1, "to": 2})) == [-1, 0, 1, 2]


def test_ints_serve_for_floats():
    shares = values(axis("share", {"values": [1, 2.5]}))
    assert shares == [1.0, 2.5]
    assert type(shares[0]) is float


@pytest.mark.parametrize(
    ("space", "field"),
    [
        ({}, "space"),
        ([], "space"),
        ({f"p{i}": {"values": [1]} for i in range(21)}, "space"),
        ({"slow": {"values": [1]}}, "space.slow"),
        ({"fast": 5}, "space.fast"),
        ({"fast": {"from": 1}}, "space.fast.to"),
        ({"fast": {"to": 1}}, "space.fast.from"),
        ({"fast": {"from": 2, "to": 1}}, "space.fast.to"),
        ({"fast": {"from": 1, "to": 2, "step": 0}}, "space.fast.step"),
        ({"fast": {"from": 1, "to": 2, "step": 0.5}}, "space.fast.step"),
        ({"fast": {"from": 1.5, "to": 2}}, "space.fast.from"),
        ({"fast": {"from": 1, "to": 2, "by": 1}}, "space.fast.by"),
        ({"fast": {"from": True, "to": 2}}, "space.fast.from"),
        ({"fast": {"values": []}}, "space.fast.values"),
        ({"fast": {"values": [1, 1]}}, "space.fast.values"),
        ({"fast": {"values": list(range(1001))}}, "space.fast.values"),
        ({"fast": {"values": [1], "step": 1}}, "space.fast.values"),
        ({"fast": {"values": [2**53]}}, "space.fast.values"),
        ({"share": {"values": [1, 1.0]}}, "space.share.values"),
        ({"share": {"values": [float("nan")]}}, "space.share.values"),
        ({"share": {"from": 0.0, "to": 1.0}}, "space.share.step"),
        ({"share": {"from": 0.1, "to": 1.0, "log": True}}, "space.share.log"),
        ({"share": {"from": 0.1, "to": 1.0, "log": 1}}, "space.share.log"),
        ({"flag": {"from": False, "to": True}}, "space.flag"),
        ({"kind": {"values": [1]}}, "space.kind.values"),
    ],
)
def test_an_error_is_said_at_its_field(space: Any, field: str):
    with pytest.raises(ValidationError) as caught:
        read_space(space, DEFAULTS, grid=True)
    assert list(caught.value.fields) == [field]


def test_all_errors_are_said_at_once():
    with pytest.raises(ValidationError) as caught:
        read_space({"fast": {"from": 1}, "share": {"values": []}}, DEFAULTS, grid=True)
    assert list(caught.value.fields) == ["space.fast.to", "space.share.values"]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"from": 0.0, "to": 1.0, "log": True}, "space.share.from"),
        ({"from": 0.1, "to": 1.0, "log": True, "step": 0.1}, "space.share.step"),
    ],
)
def test_a_logarithmic_range_is_above_zero_and_has_no_steps(spec: Any, field: str):
    with pytest.raises(ValidationError) as caught:
        axis("share", spec, in_grid=False)
    assert list(caught.value.fields) == [field]


SPACE = read_space(
    {"fast": {"from": 1, "to": 3}, "kind": {"values": ["sma", "ema"]}}, DEFAULTS, grid=True
)


def test_the_last_parameter_runs_fastest():
    cells = grid(SPACE, None, 10)
    assert [configuration(SPACE, cell) for cell in cells] == [
        {"fast": fast, "kind": kind} for fast in (1, 2, 3) for kind in ("sma", "ema")
    ]


def test_a_condition_leaves_cells_out():
    condition = parse("fast != 2 and kind == 'ema'", {"fast": "int", "kind": "str"})
    cells = grid(SPACE, condition, 10)
    assert [configuration(SPACE, cell)["fast"] for cell in cells] == [1, 3]


def test_a_grid_of_too_many_cells_says_how_many():
    assert len(grid(SPACE, None, 6)) == 6
    with pytest.raises(ValidationError, match="6 combinations; at most 5"):
        grid(SPACE, None, 5)
    wide = read_space({"fast": {"from": 1, "to": 10**9}}, DEFAULTS, grid=True)
    with pytest.raises(ValidationError, match="1,000,000,000 combinations"):
        grid(wide, parse("fast < 3", {"fast": "int"}), 20_000)


def test_a_condition_that_leaves_nothing_is_said():
    with pytest.raises(ValidationError) as caught:
        grid(SPACE, parse("fast > 3", {"fast": "int"}), 10)
    assert list(caught.value.fields) == ["where"]


DRAWN = read_space(
    {
        "fast": {"from": 5, "to": 50},
        "share": {"from": 0.01, "to": 1, "log": True},
        "flag": {"values": [True, False]},
    },
    DEFAULTS,
    grid=False,
)


def test_draws_are_distinct_inside_the_ranges_and_follow_the_seed():
    drawn = draws(DRAWN, None, 500, seed=1)
    assert drawn == draws(DRAWN, None, 500, seed=1)
    assert drawn[:200] == draws(DRAWN, None, 200, seed=1)
    assert drawn != draws(DRAWN, None, 500, seed=2)
    assert len({tuple(one.values()) for one in drawn}) == 500
    assert {one["fast"] for one in drawn} == set(range(5, 51))
    assert all(0.01 <= one["share"] <= 1.0 for one in drawn)


def test_a_logarithmic_range_is_even_in_the_logarithm():
    shares = [one["share"] for one in draws(DRAWN, None, 2000, seed=3)]
    assert sum(share < 0.1 for share in shares) == pytest.approx(1000, abs=100)


def test_a_small_space_ends_the_draws():
    assert len(draws(SPACE, None, 100, seed=0)) == 6


def test_draws_obey_the_condition():
    condition = parse("fast > 45", {"fast": "int", "share": "float", "flag": "bool"})
    assert {one["fast"] for one in draws(DRAWN, condition, 300, seed=0)} == set(range(46, 51))


def test_a_condition_that_refuses_every_draw_is_said():
    with pytest.raises(ValidationError) as caught:
        draws(DRAWN, parse("fast > 50", {"fast": "int"}), 5, seed=0)
    assert list(caught.value.fields) == ["where"]
