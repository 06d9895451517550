from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.charts.buckets import MAX_BUCKETS, buckets_of
from server.charts.indicators import KeptIndicators, range_of
from server.charts.lines import (
    HUES,
    MAX_PANES_SHOWN,
    Curve,
    grid_of,
    indicator_columns,
    lines_document,
    over_price,
    own_lines,
    shortened,
)

HOUR_MS = 3_600_000
START_MS = 1_704_067_200_000
PRICE = (40_000.0, 60_000.0)


def hours(n: int) -> np.ndarray:
    return START_MS + HOUR_MS * np.arange(n)


def kept(**lines: list[float]) -> KeptIndicators:
    values = {
        name.replace("__", "[") + "]" * ("__" in name): np.array(v) for name, v in lines.items()
    }
    found = {name: range_of(v) for name, v in values.items()}
    return KeptIndicators(values, {name: r for name, r in found.items() if r})


def panes(kept: KeptIndicators, plots: dict | None = None) -> dict[str, int]:
    return {line.name: line.pane for line in own_lines(plots or {}, kept, PRICE)}


# Where a line belongs


@pytest.mark.parametrize(
    ("extent", "over"),
    [
        ((20_000.0, 120_000.0), True),  # half the lowest and twice the highest price
        ((19_999.0, 50_000.0), False),
        ((50_000.0, 120_001.0), False),
        ((0.0, 100.0), False),
    ],
)
def test_a_line_of_the_prices_size_is_drawn_over_it(extent, over):
    assert over_price(extent, PRICE) is over


def test_what_is_no_overlay_gets_panes_in_order_and_parts_of_one_share_theirs():
    made = kept(
        mean=[45_000.0, 50_000.0],
        rsi=[20.0, 80.0],
        macd__0=[-300.0, 300.0],
        macd__1=[-100.0, 100.0],
        bands__0=[41_000.0, 59_000.0],
        bands__1=[0.0, 1.0],
    )
    assert panes(made) == {
        "mean": 0,
        "rsi": 1,
        "macd[0]": 2,
        "macd[1]": 2,
        "bands[0]": 0,
        "bands[1]": 3,
    }


def test_an_indicator_of_a_plots_name_is_the_plot():
    plots = {"fast": (hours(2), np.array([1.0, 2.0]))}
    lines = own_lines(plots, kept(fast=[45_000.0], slow=[46_000.0]), PRICE)
    assert [(line.name, line.pane) for line in lines] == [("fast", 1), ("slow", 0)]
    columns = indicator_columns(
        kept(fast=[1.0, 1.0], slow=[2.0, 3.0]), plots, hours(2), buckets_of(hours(2), HOUR_MS)
    )
    assert list(columns) == ["slow"]


def test_a_line_without_any_number_takes_no_pane():
    assert panes(kept(never=[np.nan, np.nan])) == {"never": 0}


def test_panes_beyond_the_first_few_wait_to_be_asked_for():
    many = kept(**{f"line{i}": [float(i), i + 1.0] for i in range(MAX_PANES_SHOWN + 1)})
    assert [line.shown for line in own_lines({}, many, PRICE)] == [True] * MAX_PANES_SHOWN + [False]


def test_colours_begin_anew_in_each_pane_and_dashed_after_the_last():
    over = {f"mean{i}": [50_000.0] for i in range(HUES + 1)}
    lines = own_lines({}, kept(rsi=[50.0], **over), PRICE)
    assert [line.css for line in lines] == ["h0", *(f"h{i}" for i in range(HUES)), "h0 dashed"]


# Columns


def test_an_indicator_keeps_its_gaps_and_ends_with_the_run():
    made = kept(mean=[np.nan, np.nan, 3.0, 4.0])
    columns = indicator_columns(made, {}, hours(4), buckets_of(hours(6), HOUR_MS))
    np.testing.assert_array_equal(columns["mean"], [np.nan, np.nan, 3.0, 4.0, np.nan, np.nan])


def test_an_overview_keeps_the_extremes_of_an_indicator():
    values = np.full(1_000, 50.0)
    values[333], values[777] = 99.0, 1.0
    made = kept(rsi=values)
    column = indicator_columns(made, {}, hours(1_000), buckets_of(hours(1_000), HOUR_MS, most=10))
    assert column["rsi"].max() == 99.0
    assert column["rsi"].min() == 1.0


def test_a_file_longer_than_the_run_does_not_break_its_chart():
    made = kept(mean=[1.0, 2.0, 3.0])
    columns = indicator_columns(made, {}, hours(2), buckets_of(hours(2), HOUR_MS))
    assert columns["mean"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("values", "short"),
    [
        ([12_345.678912, -1.23456789], [12_345.68, -1.23]),
        ([0.000123456789], [0.0001234568]),
        ([1e300, 1.0], [1e300, 1.0]),
        ([0.0], [0.0]),
        ([np.nan], [np.nan]),
    ],
)
def test_an_overview_has_the_digits_that_a_picture_can_show(values, short):
    np.testing.assert_allclose(shortened(np.array(values)), short, rtol=1e-12)


# Several lines


def document(most: int = MAX_BUCKETS, view: tuple = (None, None), **curves: Curve) -> dict:
    return lines_document(curves, " %", *view, most=most)


def test_lines_of_runs_that_never_met_share_one_axis():
    early = Curve(hours(3), np.array([1.0, 2.0, 3.0]), HOUR_MS)
    late = Curve(hours(3) + 4 * HOUR_MS, np.array([7.0, 8.0, 9.0]), HOUR_MS)
    made = document(early=early, late=late)
    assert made["time"].tolist() == (hours(7) // 1000).tolist()
    nan = np.nan
    np.testing.assert_array_equal(made["lines"]["early"], [1, 2, 3, nan, nan, nan, nan])
    np.testing.assert_array_equal(made["lines"]["late"], [nan, nan, nan, nan, 7, 8, 9])
    assert (made["first"], made["last"]) == (START_MS, START_MS + 7 * HOUR_MS)


def test_the_shortest_bar_sets_the_grid():
    fine = Curve(hours(48), np.arange(48.0), HOUR_MS)
    coarse = Curve(hours(48)[::24], np.array([5.0, 6.0]), 24 * HOUR_MS)
    made = document(fine=fine, coarse=coarse)
    assert made["bar_ms"] == HOUR_MS
    assert np.flatnonzero(~np.isnan(made["lines"]["coarse"])).tolist() == [0, 24]


def test_zooming_into_lines_ends_at_single_bars():
    curve = Curve(hours(5_000), np.arange(5_000.0), HOUR_MS)
    assert document(one=curve)["bars_per_point"] == 3
    view = (START_MS + 10 * HOUR_MS, START_MS + 14 * HOUR_MS)
    made = document(view=view, one=curve)
    assert made["bars_per_point"] == 1
    assert made["lines"]["one"].tolist() == [10, 11, 12, 13, 14]


def test_an_overview_of_lines_keeps_the_extremes():
    value = np.zeros(10_000)
    value[1_234], value[8_765] = -5.0, 5.0
    made = document(most=20, one=Curve(hours(10_000), value, HOUR_MS))
    assert len(made["time"]) <= 20
    assert (made["lines"]["one"].min(), made["lines"]["one"].max()) == (-5.0, 5.0)


@given(
    n=st.integers(1, 5_000),
    most=st.integers(1, 50),
    window=st.tuples(st.integers(-100, 5_100), st.integers(-100, 5_100)),
)
def test_a_grid_covers_its_view_and_never_has_too_many_buckets(n, most, window):
    low, high = sorted(window)
    start, end = START_MS + low * HOUR_MS, START_MS + high * HOUR_MS
    last = START_MS + (n - 1) * HOUR_MS
    grid = grid_of(START_MS, last, HOUR_MS, start, end, most)
    assert len(grid) <= most
    shown = [t for t in hours(n).tolist() if start <= t <= end]
    if shown:
        assert grid.edges[0] <= shown[0]
        assert grid.edges[-1] == shown[-1] + HOUR_MS
        assert (np.diff(grid.edges) > 0).all()


def test_nothing_to_draw_is_a_document_too():
    assert document()["lines"] == {}
    assert document(none=Curve(hours(0), np.empty(0), HOUR_MS))["time"] == []


def test_a_view_beside_the_lines_is_empty():
    made = document(
        view=(START_MS + 10**12, START_MS + 2 * 10**12), one=Curve(hours(3), np.ones(3), HOUR_MS)
    )
    assert len(made["time"]) == len(made["lines"]["one"]) == 0
