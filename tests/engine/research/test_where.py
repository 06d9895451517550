"""Conditions on combinations: what they mean, and what is refused with its column."""

from __future__ import annotations

import numpy as np
import pytest

from engine.research.where import MAX_CHARACTERS, MAX_LEVELS, WhereError, parse

PARAMETERS = {"fast": "int", "slow": "int", "share": "float", "flag": "bool", "kind": "str"}
COLUMNS = {
    "fast": np.array([5.0, 20.0, 0.0]),
    "slow": np.array([10.0, 10.0, 10.0]),
    "share": np.array([0.5, 0.25, 0.1]),
    "flag": np.array([True, False, True], object),
    "kind": np.array(["sma", "ema", "sma"], object),
}


def holds(text: str) -> list[bool]:
    return parse(text, PARAMETERS).holds(COLUMNS, 3).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fast < slow", [True, False, True]),
        ("0 < fast < slow", [True, False, False]),
        ("fast * 2 <= slow and not share > 0.4", [False, False, True]),
        ("fast < slow or kind == 'ema'", [True, True, True]),
        ('not fast < slow or kind == "sma" and flag == true', [True, True, True]),
        ("(fast < slow or kind == 'ema') and flag == false", [False, True, False]),
        ("(fast + slow) / 2 > 10", [False, True, False]),
        ("-fast + slow * 2 - 1 > 1e1", [True, False, True]),
        ("fast - slow - 5 == 5", [False, True, False]),
        ("fast / 5 / 2 == 2", [False, True, False]),
        ("--fast == fast", [True, True, True]),
        ("(((fast))) < ((slow))", [True, False, True]),
        ("not not (fast < slow)", [True, False, True]),
        ("kind != 'sma'", [False, True, False]),
        ("1 < 2", [True, True, True]),
        (".5 == share", [True, False, False]),
    ],
)
def test_a_condition_means_what_it_says(text: str, expected: list[bool]):
    assert holds(text) == expected


def test_a_division_by_zero_is_a_no():
    assert holds("slow / fast >= 0") == [True, True, False]
    assert holds("not slow / fast >= 0") == [False, False, False]


def test_what_is_decided_already_is_not_divided():
    assert holds("fast == 0 or slow / fast > 1") == [True, False, True]
    assert holds("fast > 0 and slow / fast > 1") == [True, False, False]


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "expected"),
        ("fast", 5, "comparison"),
        ("fast <", 7, "expected"),
        ("fast < slow)", 12, "not expected"),
        ("(fast < slow", 13, "closing parenthesis"),
        ("fast < other", 8, "'other' is not a parameter"),
        ("__import__('os')", 1, "is not a parameter"),
        ("fast ** 2 < slow", 7, "expected"),
        ("fast < slow; 1", 12, "cannot be read"),
        ("fast % 2 == 0", 6, "cannot be read"),
        ("fast if 1 < 2 else slow", 6, "comparison"),
        ("kind < 'sma'", 1, "only be compared"),
        ("fast == true", 6, "cannot be equal"),
        ("fast == '5'", 6, "cannot be equal"),
        ("kind + 1 == 2", 6, "works on numbers"),
        ("-flag == 1", 1, "works on numbers"),
        ("(fast < slow) + 1 > 2", 15, "cannot be followed"),
        ("1 + (fast < slow) > 2", 5, "cannot be used as a number"),
        ("fast < slow and", 16, "expected"),
        ("fast = slow", 6, "cannot be read"),
        ("fast < slow.real", 12, "cannot be read"),
        ("fast < lambda", 8, "is not a parameter"),
        ("'a' 'b'", 5, "comparison"),
        ("fast < 0x10", 9, "not expected"),
    ],
)
def test_anything_else_is_refused_at_its_column(text: str, column: int, words: str):
    with pytest.raises(WhereError, match=words) as caught:
        parse(text, PARAMETERS)
    assert caught.value.column == column


def test_conditions_are_bounded():
    longest = "fast < slow" + " " * (MAX_CHARACTERS - 11)
    parse(longest, PARAMETERS)
    with pytest.raises(WhereError, match="500 characters"):
        parse(longest + " ", PARAMETERS)
    deepest = "(" * MAX_LEVELS + "fast" + ")" * MAX_LEVELS + " < slow"
    parse(deepest, PARAMETERS)
    for deeper in ("(" + deepest.replace(" < slow", ") < slow"), "not " * 51 + "fast < slow"):
        with pytest.raises(WhereError, match="50 levels"):
            parse(deeper, PARAMETERS)
