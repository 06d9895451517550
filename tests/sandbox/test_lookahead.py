"""Where a run is cut, and the comparison of orders."""

from __future__ import annotations

import numpy as np

from engine.account import codes
from engine.account.records import ORDER_DTYPE, TRADE_DTYPE
from engine.enums import LookaheadCheck
from sandbox.lookahead import choose_cuts, cut_limit_s, first_difference, more_points


def orders(*bars: int) -> np.ndarray:
    rows = np.zeros(len(bars), ORDER_DTYPE)
    rows["bar"] = bars
    rows["limit"] = np.nan
    return rows


def trades(*round_trips: tuple[int, int, float]) -> np.ndarray:
    """Rows of round trips: number of the opening call, number of the closing call, pnl."""
    rows = np.zeros(2 * len(round_trips), TRADE_DTYPE)
    for n, (opening, closing, pnl) in enumerate(round_trips):
        rows["order"][2 * n : 2 * n + 2] = opening, closing
        rows["bar"][2 * n : 2 * n + 2] = opening, closing
        rows["closing"][2 * n + 1] = 1
        rows["open_bar"][2 * n + 1] = opening
        rows["pnl"][2 * n + 1] = pnl
    return rows


def cuts(
    calls: np.ndarray, rows: np.ndarray, n_bars: int = 1000, mode: str = "sample", seed: int = 1
) -> tuple[int, ...]:
    return choose_cuts(calls, rows, n_bars, LookaheadCheck(mode), np.random.default_rng(seed))


# Calls at bars 0, 10, 20 ... 990: call n is made at bar 10 n.
CALLS = orders(*range(0, 1000, 10))
TEN_TRIPS = trades(*((n, n + 1, 1.0) for n in range(4, 24, 2)))


def test_the_first_filled_opening_is_always_a_cut_and_all_are_openings() -> None:
    for seed in range(20):
        chosen = cuts(CALLS, TEN_TRIPS, seed=seed)
        assert len(chosen) == 3
        assert chosen[0] == 40
        assert set(chosen) <= set(range(40, 240, 20))
        assert list(chosen) == sorted(chosen)


def test_nobody_can_foresee_the_others() -> None:
    chosen = {choose_cuts(CALLS, TEN_TRIPS, 1000, LookaheadCheck.SAMPLE) for _ in range(20)}
    assert len(chosen) > 1


def test_an_opening_that_made_the_money_or_lost_it_is_cut() -> None:
    for pnl in (1e6, -1e6):
        rows = trades(*((n, n + 1, pnl if n == 12 else 0.01) for n in range(4, 24, 2)))
        assert all(120 in cuts(CALLS, rows, seed=seed) for seed in range(50))


def test_calls_that_filled_nothing_weigh_nothing() -> None:
    every_bar = orders(*range(1000))
    every_bar["amount"] = 1e6
    rows = trades((100, 110, 5.0), (300, 310, 5.0), (500, 510, 5.0))
    assert cuts(every_bar, rows) == (100, 300, 500)


def test_the_cut_is_where_the_call_was_made_and_not_where_it_filled() -> None:
    calls, rows = orders(5, 9), trades((0, 1, 3.0))
    rows["bar"] = 6, 10
    assert cuts(calls, rows) == (5,)


def test_a_full_check_cuts_at_fifty_openings() -> None:
    calls = orders(*range(0, 900, 3))
    rows = trades(*((n, n + 1, 1.0 + n) for n in range(0, 300, 2)))
    chosen = cuts(calls, rows, mode="full")
    assert len(chosen) == 50
    assert chosen[0] == 0
    assert set(chosen) <= set(range(0, 900, 6))


def test_with_fewer_openings_a_full_check_adds_closings_and_then_any_bars() -> None:
    chosen = cuts(CALLS, TEN_TRIPS, mode="full")
    assert len(set(chosen)) == 50
    assert set(chosen) >= set(range(40, 240, 10))


def test_a_position_still_open_can_be_a_cut() -> None:
    rows = trades((1, 2, 1.0), (3, 4, 1.0))[:3]
    assert cuts(CALLS, rows) == (10, 30)


def test_without_fills_there_are_cuts_at_calls_and_without_those_one() -> None:
    none = np.empty(0, TRADE_DTYPE)
    assert set(cuts(orders(3, 5, 5, 9), none)) == {3, 5, 9}
    assert len(cuts(orders(), none)) == 1
    assert cuts(orders(), none, n_bars=2) == (0,)


def test_nothing_comes_after_the_last_bar() -> None:
    rows = trades((0, 1, 1.0))
    assert cuts(orders(9, 9), rows, n_bars=10) != (9,)
    assert 9 not in cuts(orders(2, 9), rows, n_bars=10, mode="full")
    assert cuts(orders(0, 0), rows, n_bars=1) == ()


def more(
    calls: np.ndarray, rows: np.ndarray, mode: str, chosen: tuple[int, ...] = (), seed: int = 1
) -> tuple[int, ...]:
    random = np.random.default_rng(seed)
    return more_points(calls, rows, 1000, LookaheadCheck(mode), chosen, random)


def test_a_sample_looks_at_one_bar_of_a_call_that_closed_too() -> None:
    points = {more(CALLS, TEN_TRIPS, "sample", seed=seed) for seed in range(30)}
    assert points <= {(bar,) for bar in range(50, 250, 20)}
    assert len(points) > 3


def test_a_closing_that_made_the_money_is_looked_at() -> None:
    rows = trades(*((n, n + 1, 1e6 if n == 12 else 0.01) for n in range(4, 24, 2)))
    assert all(more(CALLS, rows, "sample", seed=seed) == (130,) for seed in range(50))


def test_what_a_level_closed_was_closed_by_the_call_that_set_it() -> None:
    calls = orders(10, 20, 30, 40)
    calls["call"] = codes.BUY, codes.SET_TAKE, codes.SET_STOP, codes.BUY
    rows = trades((0, -1, 5.0))
    rows["bar"] = 10, 35
    assert more(calls, rows, "sample") == (30,)
    rows["bar"] = 10, 25
    assert more(calls, rows, "sample") == (20,)
    calls["call"] = codes.BUY  # then it was the opening's own level
    assert more(calls, rows, "sample") == ()


def test_a_full_check_looks_at_closings_at_other_calls_and_at_any_bars() -> None:
    points = more(CALLS, TEN_TRIPS, "full", tuple(range(50, 70)))
    assert len(points) == len(set(points)) == 8 + 2 + 10
    assert len(set(points) & set(range(70, 250, 20))) >= 8
    assert not set(points) & set(range(50, 70))
    assert sum(bar % 10 == 0 for bar in points) >= 8 + 2


def test_switched_off_there_are_none() -> None:
    assert cuts(CALLS, TEN_TRIPS, mode="off") == ()
    assert more(CALLS, TEN_TRIPS, "off") == ()
    assert more_points(CALLS, TEN_TRIPS, 1, LookaheadCheck.FULL, ()) == ()


def test_a_cut_gets_twice_the_run_and_two_seconds() -> None:
    assert cut_limit_s(3.0) == 8.0


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
