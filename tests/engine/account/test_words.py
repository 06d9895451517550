"""Words are spelt in rows of order calls and read back, or refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.account import codes
from engine.account.records import ORDER_DTYPE, Word
from engine.account.words import (
    MAX_TARGETS,
    MAX_TEXT_CHARACTERS,
    NotWords,
    spelt,
    targets_of,
    text_of,
    words_in,
)


def rows_of(*words: Word) -> np.ndarray:
    rows = []
    for number, word in enumerate(words, 1):
        for kind, count, floats in spelt(word):
            rows.append((0, 0, 0, codes.WORD, kind, 0, number, 0, 0, count, *floats))
    return np.array(rows, ORDER_DTYPE)


TEXTS = st.text(min_size=1, max_size=MAX_TEXT_CHARACTERS).filter(str.isprintable)
PRICES = st.floats(1e-9, 1e12)
TARGETS = st.lists(st.tuples(PRICES, st.floats(0.001, 1.0)), min_size=1, max_size=100).map(tuple)


@given(st.lists(TEXTS | TARGETS, unique=True, max_size=5))
def test_words_survive_being_spelt(words):
    assert words_in(rows_of(*words)) == ("", *words)


@pytest.mark.parametrize("text", ["x", "x" * MAX_TEXT_CHARACTERS, "grün, 100 %", "\U0001f600"])
def test_a_text_of_printable_characters_is_one(text):
    assert text_of(text) == text


@pytest.mark.parametrize("text", ["", "x" * (MAX_TEXT_CHARACTERS + 1), "a\nb", "\udc80", 5, None])
def test_other_texts_are_none(text):
    assert text_of(text) is None


def test_a_text_of_another_class_becomes_a_plain_one():
    class Odd(str):
        def __eq__(self, other):
            return True

        def __hash__(self):
            return 0

    assert type(text_of(Odd("tag"))) is str


def test_percents_may_make_a_hundred_and_a_rounding_more():
    assert targets_of([(1.0, 33.3), (2.0, 33.3), (3.0, 33.4)])
    assert targets_of([(1.0, 50.0), (2.0, 50.0 + 9e-10)])
    assert targets_of([(1.0, 50.0), (2.0, 50.0 + 2e-9)]) is None


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [(1.0, 0.0)],
        [(0.0, 1.0)],
        [(1.0, 101.0)],
        [(float("nan"), 1.0)],
        [(1.0, float("nan"))],
        [(1.0, 0.5)] * (MAX_TARGETS + 1),
    ],
)
def test_other_lists_are_none(pairs):
    assert targets_of(pairs) is None


def damaged(field, value, at=0):
    rows = rows_of("x" * 40, ((1.0, 50.0),))  # two rows and one
    rows[field][at] = value
    return rows


@pytest.mark.parametrize(
    "rows",
    [
        damaged("tag", 2),
        damaged("tag", 0),
        damaged("tag", 7, 2),
        damaged("given", 2),
        damaged("given", 9),
        damaged("expires", 37),
        damaged("expires", -1),
        damaged("expires", 5),
        damaged("amount", 1e300),
        damaged("amount", -1.0),
        damaged("amount", float("nan")),
        damaged("amount", 0.5),
        damaged("line", 1),
        damaged("oco", 1),
        damaged("bar", 1, 1),
        damaged("amount", float("inf"), 2),
        damaged("leverage", 0.0, 2),
        damaged("take_profit", 1.0, 2),
        rows_of("a", "a"),
    ],
)
def test_rows_that_nobody_spells_are_refused(rows):
    with pytest.raises(NotWords):
        words_in(rows)
