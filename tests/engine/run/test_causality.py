"""Indicators tried on truncated data: what is caught, and what honest functions may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import talib

from engine.errors import ValidationError
from engine.run.causality import (
    EARLY_CUT,
    LookaheadIndicator,
    causal_arrays,
    cuts_of,
    first_difference,
    indicator_arrays,
)

COUNT = 1000
CLOSE = np.round(100.0 * np.exp(np.random.default_rng(3).standard_normal(COUNT).cumsum() / 100), 2)


def made(function: Callable[..., Any], close: np.ndarray = CLOSE) -> tuple[np.ndarray, ...]:
    return causal_arrays("x", function, [close], len(close))


def test_cuts_lie_within_the_first_200_bars_and_beyond_nine_tenths() -> None:
    assert cuts_of(1000) == [1, 4, 16, 64, 190, 370, 920]
    assert cuts_of(10) == [1, 3, 4, 9]
    assert cuts_of(1) == []


def test_the_shortest_data_come_first_and_the_whole_range_last() -> None:
    lengths = []

    def notes(close: np.ndarray) -> np.ndarray:
        lengths.append(len(close))
        return close

    made(notes)
    assert lengths == [*cuts_of(COUNT), COUNT]


@pytest.mark.parametrize("window", [2, 5, 20, 100, 300])
def test_a_warm_up_that_is_filled_backwards_is_caught(window: int) -> None:
    with pytest.raises(LookaheadIndicator, match="at bar 0 is"):
        made(lambda close: pd.Series(close).rolling(window).mean().bfill().to_numpy())


def test_the_sign_of_a_zero_counts() -> None:
    with pytest.raises(LookaheadIndicator, match=r"is (-0|-0\.0|0|0\.0) over all 1,000 bars"):
        made(lambda close: np.where(np.append(close[1:] > close[:-1], False), 0.0, -0.0))


def test_a_rise_in_the_last_digits_counts_and_is_shown_in_full() -> None:
    def whispers(close: np.ndarray) -> np.ndarray:
        rises = np.append(close[1:] > close[:-1], False)
        return 1000.0 + np.where(rises, 1e-10, 0.0)

    with pytest.raises(LookaheadIndicator, match="to the last bit"):
        made(whispers, np.arange(1.0, 1001.0))


def test_the_bits_of_a_nan_reach_nobody() -> None:
    loud = np.array([0x7FF8_0000_0000_0001, 0xFFF8_0000_0000_0000], np.uint64)

    def coded(close: np.ndarray) -> np.ndarray:
        rises = np.append(close[1:] > close[:-1], False)
        return loud.view(np.float64)[rises.astype(int)]

    (values,) = made(coded)
    assert set(values.view(np.int64).tolist()) == {np.array(np.nan).view(np.int64).item()}


def test_another_number_of_parts_is_a_difference() -> None:
    with pytest.raises(LookaheadIndicator, match=r"3 parts over all 1,000 bars and 2 when only"):
        made(lambda close: (close,) * (3 if len(close) > 500 else 2))


def test_a_part_beside_honest_ones_is_compared_too() -> None:
    with pytest.raises(LookaheadIndicator, match="at bar 0 "):
        made(lambda close: (close, np.full(len(close), close[-1])))


def test_who_fails_on_fewer_bars_may_have_no_values_there() -> None:
    def refuses(close: np.ndarray) -> np.ndarray:
        if len(close) < 500:
            raise ValueError("too few")
        return np.append(np.full(499, np.nan), close[499:])

    made(refuses)
    made(lambda close: np.nan_to_num(refuses(close)))  # one number throughout tells nothing
    with pytest.raises(LookaheadIndicator, match=r"first 370 of all 1,000 bars.*\(ValueError\)"):
        made(lambda close: np.where(np.isnan(refuses(close)), np.arange(len(close)), close))


def test_the_whole_range_must_be_computable() -> None:
    with pytest.raises(ZeroDivisionError):
        made(lambda close: close * (1 // (COUNT - len(close))))
    with pytest.raises(ValidationError, match=r"must return 1,000 values"):
        made(lambda close: close[:5])


@pytest.mark.parametrize("count", [3, 50, 189, 200, 1000])
def test_honest_functions_pass_whatever_the_length(count: int) -> None:
    close = CLOSE[:count]
    weights = np.arange(1.0, 21.0)
    for function in (
        lambda c: talib.EMA(c, 10),
        lambda c: pd.Series(c).ewm(span=9).mean().to_numpy(),
        lambda c: pd.Series(c).rolling(20).std().to_numpy(),
        lambda c: np.cumsum(c) / np.arange(1, len(c) + 1),
        lambda c: np.convolve(c, weights)[: len(c)],
        lambda c: np.log(c),
    ):
        (whole,) = made(function, close)
        assert np.array_equal(whole, function(close), equal_nan=True)


def test_zeros_of_either_sign_are_not_near_each_other() -> None:
    zeros, negative = np.zeros(3), np.array([0.0, -0.0, 0.0])
    assert first_difference(zeros, negative) == 1
    assert first_difference(zeros, negative, tolerance=1e-3) == 1
    assert first_difference(zeros + 1.0, zeros + 1.0 + 1e-9, tolerance=1e-3) is None
    assert first_difference(zeros, zeros.copy()) is None


def test_arrays_cannot_be_written() -> None:
    (values,) = indicator_arrays("x", lambda c: c, [CLOSE], COUNT)
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1.0


def test_a_leak_at_the_early_cut_is_found_to_the_bit() -> None:
    """The last value known at a cut is the one that cannot know its next bar."""
    with pytest.raises(LookaheadIndicator, match=f"at bar {EARLY_CUT - 1} "):
        made(
            lambda close: (
                np.append(np.where(close[1:] > close[:-1], 1.0, 2.0), 0.0)
                * (np.arange(len(close)) >= 150)
            )
        )
