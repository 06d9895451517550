"""Cuts, invented futures and the comparison of orders."""

from __future__ import annotations

import numpy as np
import pytest

from engine.enums import LookaheadCheck
from engine.records import ORDER_DTYPE
from sandbox.lookahead import choose_cuts, first_difference, scramble
from tests.sandbox.conftest import make_bars


def orders(*bars: int) -> np.ndarray:
    rows = np.zeros(len(bars), ORDER_DTYPE)
    rows["bar"] = bars
    rows["limit"] = np.nan
    return rows


CLOSE = make_bars(1000).close


def test_of_three_cuts_two_are_bars_with_orders() -> None:
    with_orders = {1, 5, 9, 20}
    for seed in range(20):
        random = np.random.default_rng(seed)
        cuts = choose_cuts(orders(1, 5, 5, 9, 20), CLOSE, LookaheadCheck.SAMPLE, random)
        assert len(set(cuts)) == 3
        assert len(with_orders & set(cuts)) == 2


def test_a_full_check_has_fifty_cuts() -> None:
    cuts = choose_cuts(orders(*range(0, 900, 3)), CLOSE, LookaheadCheck.FULL)
    assert len(set(cuts)) == 50
    assert sum(cut % 3 == 0 and cut < 900 for cut in cuts) == 34


def test_nobody_can_foresee_the_cuts() -> None:
    chosen = {choose_cuts(orders(*range(900)), CLOSE, LookaheadCheck.SAMPLE) for _ in range(20)}
    assert len(chosen) > 1


def test_large_orders_are_likelier_cuts_than_dust() -> None:
    many = orders(*range(900))
    many["amount"] = 1e-5
    many["amount"][450] = 100.0
    hits = sum(
        450 in choose_cuts(many, CLOSE, LookaheadCheck.SAMPLE, np.random.default_rng(seed))
        for seed in range(100)
    )
    assert hits > 30


def test_bars_before_large_moves_are_likelier_cuts() -> None:
    close = np.full(1000, 100.0)
    close[501:] = 150.0
    hits = sum(
        500 in choose_cuts(orders(3), close, LookaheadCheck.SAMPLE, np.random.default_rng(seed))
        for seed in range(100)
    )
    assert hits > 30


def test_where_every_bar_has_orders_every_cut_is_one() -> None:
    cuts = choose_cuts(orders(*range(10)), CLOSE[:10], LookaheadCheck.SAMPLE)
    assert len(set(cuts)) == 3


def test_nothing_comes_after_the_last_bar() -> None:
    assert 9 not in choose_cuts(orders(2, 9), CLOSE[:10], LookaheadCheck.FULL)
    assert choose_cuts(orders(0), CLOSE[:1], LookaheadCheck.FULL) == ()


def test_without_orders_there_is_one_cut() -> None:
    assert len(choose_cuts(orders(), CLOSE, LookaheadCheck.SAMPLE)) == 1
    assert choose_cuts(orders(), CLOSE[:2], LookaheadCheck.SAMPLE) == (0,)


def test_switched_off_there_are_none() -> None:
    assert choose_cuts(orders(1), CLOSE, LookaheadCheck.OFF) == ()


@pytest.fixture
def columns() -> tuple[np.ndarray, ...]:
    bars = make_bars(5000)
    return tuple(c.copy() for c in (bars.open, bars.high, bars.low, bars.close, bars.volume))


def test_the_past_stays_and_no_bar_of_the_future_does(columns: tuple[np.ndarray, ...]) -> None:
    before = [column.copy() for column in columns]
    scramble(columns, 1999, seed=1)
    for old, new in zip(before, columns, strict=True):
        assert np.array_equal(old[:2000], new[:2000])
    for old, new in zip(before[:4], columns[:4], strict=True):
        # The first invented bar opens at the last close, as the real one does.
        assert not np.any(old[2001:] == new[2001:])


def test_invented_bars_are_valid_and_plausible(columns: tuple[np.ndarray, ...]) -> None:
    scramble(columns, 1999, seed=1)
    open_, high, low, close, volume = columns
    assert np.all(np.isfinite(np.concatenate(columns)))
    assert np.all(low > 0)
    assert np.all(high >= np.maximum(open_, close))
    assert np.all(low <= np.minimum(open_, close))
    assert np.all(volume > 0)
    assert open_[2000] == close[1999]
    past, future = np.std(np.diff(np.log(close[:2000]))), np.std(np.diff(np.log(close[2000:])))
    assert 0.5 < future / past < 2.0


def test_invented_prices_have_no_more_decimals_than_real_ones(
    columns: tuple[np.ndarray, ...],
) -> None:
    for column in columns[:4]:
        np.round(column, 2, out=column)
    scramble(columns, 1999, seed=1)
    open_, high, low, close, _ = columns
    for column in columns[:4]:
        assert np.array_equal(np.round(column, 2), column)
    assert np.all(high >= np.maximum(open_, close))
    assert np.all(low <= np.minimum(open_, close))


def test_invented_prices_of_dust_stay_above_zero(columns: tuple[np.ndarray, ...]) -> None:
    for column in columns[:4]:
        column[:] = 1e-8
    scramble(columns, 1999, seed=1)
    assert min(column.min() for column in columns[:4]) == 1e-8


def test_the_same_seed_invents_the_same(columns: tuple[np.ndarray, ...]) -> None:
    twin = tuple(column.copy() for column in columns)
    scramble(columns, 10, seed=1)
    scramble(twin, 10, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(columns, twin, strict=True))
    scramble(twin, 10, seed=2)
    assert not np.array_equal(columns[3], twin[3])


@pytest.mark.parametrize("cut", [0, 1, 4998, 4999])
def test_cuts_at_the_edges(columns: tuple[np.ndarray, ...], cut: int) -> None:
    scramble(columns, cut, seed=1)
    assert np.all(np.isfinite(np.concatenate(columns)))


def test_equal_orders_do_not_differ_nor_do_those_after_the_cut() -> None:
    assert first_difference(orders(1, 2, 9), orders(1, 2), 5) is None
    assert first_difference(orders(), orders(), 5) is None


def test_a_missing_or_an_extra_order_is_a_difference() -> None:
    assert first_difference(orders(1, 3), orders(1), 5) == 3
    assert first_difference(orders(1), orders(1, 4), 5) == 4


def test_another_amount_is_a_difference() -> None:
    again = orders(1, 2, 3)
    again["amount"][1] = 5.0
    assert first_difference(orders(1, 2, 3), again, 5) == 2


def test_an_order_at_another_bar_differs_at_the_earlier_one() -> None:
    assert first_difference(orders(1, 4), orders(1, 2), 5) == 2
