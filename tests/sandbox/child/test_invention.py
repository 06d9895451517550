"""Invented bars: the past stays, and nothing tells the future from a real one."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.child.invention import invent
from tests.sandbox.conftest import make_bars

CUT = 1999
Columns = tuple[np.ndarray, ...]


@pytest.fixture
def columns() -> Columns:
    """Five thousand bars in cents and thousandths: some still, some without volume, some gaps."""
    bars = make_bars(5000)
    random = np.random.default_rng(2)
    close = np.round(bars.close, 2)
    open_ = np.append(close[0], close[:-1])
    gaps = random.random(5000) < 0.3
    open_[gaps] = np.round(open_[gaps] * 1.0004, 2)
    still = random.random(5000) < 0.1
    open_[still] = close[still]
    high = np.round(np.maximum(open_, close) * np.where(still, 1.0, 1.001), 2)
    low = np.round(np.minimum(open_, close) * np.where(still, 1.0, 0.999), 2)
    volume = np.round(random.lognormal(1.0, 1.0, 5000), 3) * (random.random(5000) > 0.2)
    return open_, high, low, close, volume


def share(condition: np.ndarray) -> float:
    return float(np.mean(condition))


def test_the_past_stays_and_prices_of_the_future_do_not(columns: Columns) -> None:
    before = [column.copy() for column in columns]
    invent(columns, CUT, seed=1)
    for old, new in zip(before, columns, strict=True):
        assert np.array_equal(old[: CUT + 1], new[: CUT + 1])
    for old, new in zip(before[:4], columns[:4], strict=True):
        assert share(old[CUT + 2 :] == new[CUT + 2 :]) < 0.01


def test_invented_bars_are_valid(columns: Columns) -> None:
    invent(columns, CUT, seed=1)
    open_, high, low, close, volume = columns
    assert np.all(np.isfinite(np.concatenate(columns)))
    assert np.all(low > 0)
    assert np.all(high >= np.maximum(open_, close))
    assert np.all(low <= np.minimum(open_, close))
    assert np.all(volume >= 0)


def test_bars_without_volume_movement_or_gap_come_as_often_as_in_the_past(columns: Columns) -> None:
    past = [column[: CUT + 1].copy() for column in columns]
    invent(columns, CUT, seed=1)
    future = [column[CUT + 1 :] for column in columns]
    for odd in (
        lambda o, h, lo, c, v: v == 0,
        lambda o, h, lo, c, v: h == lo,
        lambda o, h, lo, c, v: np.append(False, o[1:] == c[:-1]),
    ):
        assert share(odd(*future)) == pytest.approx(share(odd(*past)), abs=0.05)
    moves = [np.std(np.diff(np.log(part[3]))) for part in (past, future)]
    assert 0.5 < moves[1] / moves[0] < 2.0


def test_volumes_are_not_copied(columns: Columns) -> None:
    past = set(columns[4][: CUT + 1].tolist())
    columns[4][:] = columns[4] * 1000 + 0.123 * (columns[4] > 0)  # many digits: no chance matches
    past = set(columns[4][: CUT + 1].tolist()) - {0.0}
    invent(columns, CUT, seed=1)
    assert share(np.isin(columns[4][CUT + 1 :], list(past))) < 0.05


@pytest.mark.parametrize(
    ("tick", "decimals"), [(0.01, 2), (0.5, 1), (10.0, 0), (0.05, 2), (1 / 64, 6)]
)
def test_prices_keep_their_ticks(columns: Columns, tick: float, decimals: int) -> None:
    for column in columns[:4]:
        column[:] = np.round(np.round(column / tick) * tick, decimals)
    columns[1][:] = np.maximum.reduce(columns[:4])
    columns[2][:] = np.minimum.reduce(columns[:4])
    invent(columns, CUT, seed=1)
    for column in columns[:4]:
        steps = np.round(column / tick)
        assert np.array_equal(np.round(steps * tick, decimals), column)


def test_prices_of_dust_stay_above_zero(columns: Columns) -> None:
    for column in columns[:4]:
        column[:] = 1e-8
    invent(columns, CUT, seed=1)
    assert min(column.min() for column in columns[:4]) == 1e-8


def test_the_same_seed_invents_the_same_and_another_does_not(columns: Columns) -> None:
    twin, other = (tuple(c.copy() for c in columns) for _ in range(2))
    invent(columns, 10, seed=1)
    invent(twin, 10, seed=1)
    invent(other, 10, seed=2)
    assert all(np.array_equal(a, b) for a, b in zip(columns, twin, strict=True))
    assert not np.array_equal(columns[3], other[3])


@pytest.mark.parametrize("cut", [0, 1, 4998, 4999])
def test_cuts_at_the_edges(columns: Columns, cut: int) -> None:
    last = columns[3][cut]
    invent(columns, cut, seed=1)
    assert np.all(np.isfinite(np.concatenate(columns)))
    assert columns[3][cut] == last


def test_a_long_walk_turns_back(columns: Columns) -> None:
    wild = tuple(np.round(c, 2) for c in columns[:4])
    close = np.exp(np.random.default_rng(1).standard_normal(5000) * 0.3 + 5)
    for column in wild:
        column[:] = np.round(close, 2)
    invent((*wild, columns[4]), 100, seed=3)
    assert np.all(wild[3] > np.exp(-2.3) * wild[3][100])
    assert np.all(wild[3] < np.exp(2.3) * wild[3][100])


def sizes_of(columns: Columns) -> np.ndarray:
    """Body, both wicks and volume of each bar, as logarithms, (n_bars, 4)."""
    open_, high, low, close, volume = columns
    top, bottom = np.maximum(open_, close), np.minimum(open_, close)
    body, above, below = np.log(top / bottom), np.log(high / top), np.log(bottom / low)
    return np.log(np.column_stack([body, above, below, volume]))


@pytest.fixture
def fine_columns() -> Columns:
    """Bars in all digits, each with a body, two wicks and a volume, louder and quieter in turns."""
    random = np.random.default_rng(5)
    loud = 0.002 * np.exp(np.sin(np.arange(5000) / 150))
    moves = random.standard_normal(5000) * loud
    close = 100.0 * np.exp(np.cumsum(moves))
    open_ = close * np.exp(-moves)
    high = np.maximum(open_, close) * np.exp(random.exponential(1.0, 5000) * loud)
    low = np.minimum(open_, close) * np.exp(-random.exponential(1.0, 5000) * loud)
    return open_, high, low, close, random.lognormal(1.0, 1.0, 5000) * loud


def test_no_bar_is_nearer_to_a_past_one_than_real_bars_are(fine_columns: Columns) -> None:
    """By the sizes of its parts, whose relations many a copy leaves as they were."""
    sizes = sizes_of(fine_columns)
    past, real = sizes[: CUT + 1], sizes[CUT + 1 : CUT + 501]
    invent(fine_columns, CUT, seed=1)
    invented = sizes_of(fine_columns)[CUT + 1 : CUT + 501]

    def nearest(bars: np.ndarray, of: list[int]) -> float:
        apart = bars[:, None, of] - past[None, :, of]
        return float(np.median(np.sqrt((apart**2).sum(axis=2).min(axis=1))))

    for of in ([0, 1, 2, 3], [0, 1, 2]):
        assert nearest(invented, of) > 0.5 * nearest(real, of)
    relations = sizes[:, :1] - sizes[:, 1:3]  # body to wick
    ours = invented[:, :1] - invented[:, 1:3]
    apart = np.abs(ours[:, None] - relations[None, : CUT + 1]).max(axis=2).min(axis=1)
    assert np.median(apart) > 1e-3


def test_no_sequence_of_bars_is_a_copy(fine_columns: Columns) -> None:
    """A window of the future does not follow one of the past; ten per cent apart it would."""
    invent(fine_columns, CUT, seed=1)
    bodies = sizes_of(fine_columns)[:, 0]
    windows = np.lib.stride_tricks.sliding_window_view(bodies, 20)
    windows = windows - windows.mean(axis=1, keepdims=True)
    windows /= np.sqrt((windows**2).sum(axis=1, keepdims=True))
    past = windows[: CUT - 19]
    for start in range(CUT + 1, CUT + 400, 7):
        assert (past @ windows[start]).max() < 0.95


def test_what_comes_right_after_the_cut_is_as_loud_as_what_came_before(
    fine_columns: Columns,
) -> None:
    volume = fine_columns[4]
    ratios = []
    for seed in range(200):
        columns = tuple(column.copy() for column in fine_columns)
        invent(columns, CUT, seed=seed)
        ratios.append(columns[4][CUT + 1 : CUT + 6].mean() / volume[CUT - 39 : CUT + 1].mean())
    assert 0.6 < np.median(ratios) < 1.4


def test_volumes_that_are_sums_have_the_crumbs_of_sums(columns: Columns) -> None:
    random = np.random.default_rng(3)
    parts = np.round(random.lognormal(1.0, 1.0, (60, 5000)), 3)
    volume = np.zeros(5000)
    for part in parts:
        volume += part  # one after the other, as bars are made from finer ones
    columns[4][:] = volume

    def exact(numbers: np.ndarray) -> float:
        return share(np.round(numbers, 3) == numbers)

    past = exact(volume[: CUT + 1])
    invent(columns, CUT, seed=1)
    future = columns[4][CUT + 1 :]
    assert 0.05 < past < 0.95
    assert exact(future) == pytest.approx(past, abs=0.05)
    assert np.all(np.abs(np.round(future, 3) - future) < 1e-9)
