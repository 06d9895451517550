from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.client import Sandbox
from sandbox.crossing import differences
from sandbox.crossing.differences import NotBlocks, groups_of, parse_groups


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


def test_a_change_has_three_lines_around_it() -> None:
    before = ["1", "2", "3", "4", "old", "6", "7", "8", "9"]
    after = [*before[:4], "new", *before[5:]]
    assert groups_of(before, after) == [
        [["equal", 1, 4, 1, 4], ["replace", 4, 5, 4, 5], ["equal", 5, 8, 5, 8]]
    ]


def test_a_child_finds_the_same(sandbox: Sandbox) -> None:
    assert sandbox.diff("a\nb\n", "a\nc\n") == ((("equal", 0, 1, 0, 1), ("replace", 1, 2, 1, 2)),)
    assert sandbox.diff("a\n", "a\n") == ()


def test_texts_that_take_too_long_are_given_up(sandbox: Sandbox) -> None:
    # Every line matches a hundred others, one at a time: hours of work at this size.
    letters = [chr(0x100 + i) for i in range(104)] * 1150
    assert sandbox.diff("\n".join(letters), "\n".join(reversed(letters))) is None


def test_more_changes_than_can_be_told_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences, "MAX_BLOCKS", 2)
    with pytest.raises(ValueError, match="more than 2 changes"):
        groups_of(["a", "b", "c"], ["x", "b", "y"])


@pytest.mark.parametrize(
    "answer",
    [
        5,
        [5],
        [[5]],
        [[["equal", 0, 1, 0]]],
        [[["drop", 0, 1, 0, 1]]],
        [[["equal", 0, 1.0, 0, 1]]],
        [[["equal", 0, True, 0, 1]]],
        [[["equal", 0, 3, 0, 1]]],
        [[["equal", 0, 1, 0, 3]]],
        [[["equal", -1, 1, 0, 1]]],
        [[["equal", 1, 0, 0, 1]]],
        [[["equal", 0, 2, 0, 2], ["insert", 1, 1, 2, 2]]],
        [[["equal", 0, 0, 0, 0]] * 10_001],
    ],
)
def test_an_answer_of_another_shape_is_refused(answer: Any) -> None:
    with pytest.raises(NotBlocks):
        parse_groups(answer, 2, 2)
