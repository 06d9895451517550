from __future__ import annotations

import pytest

from server.api.queries import parts_of, place_of, points_of
from server.problems import Invalid


@pytest.mark.parametrize(
    ("given", "points"),
    [(None, 2_000), ("all", None), ("2", 2), ("1000000", 1_000_000), ("0" * 5_000 + "7", 7)],
)
def test_points_are_a_number_whatever_it_begins_with(given: str | None, points: int | None) -> None:
    assert points_of(given) == points


@pytest.mark.parametrize(
    "given",
    ["1", "0", "", "-5", "+5", "5.0", "many", "1000001", "000000002999999999999", "9" * 5_000, "٣"],
)
def test_points_out_of_bounds_are_refused(given: str) -> None:
    with pytest.raises(Invalid, match="points: must be 2 to 1000000, or all"):
        points_of(given)


@pytest.mark.parametrize("given", ["0", "-1", "zz", "", "0x1f", "1_0", " 1", "1\n", "4" + "0" * 15])
def test_a_cursor_that_no_answer_held_is_refused(given: str) -> None:
    with pytest.raises(Invalid, match="cursor: is not a next_cursor"):
        place_of(given)


def test_a_cursor_is_a_place() -> None:
    assert place_of(None) is None
    assert place_of("1f") == 31


def test_parts_are_named_with_commas() -> None:
    assert parts_of(None) == {"trades", "round_trips", "portfolio_history", "code"}
    assert parts_of("code, trades") == {"code", "trades"}
    assert parts_of("") == frozenset()
    with pytest.raises(Invalid, match="include: must be some of trades"):
        parts_of("code,metrics")
