from __future__ import annotations

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.account.records import ACTIONS
from engine.analysis.csv_text import Words
from engine.analysis.results import BacktestResults
from engine.enums import Timeframe
from server.charts.buckets import (
    MAX_BUCKETS,
    MAX_MARKERS,
    MAX_TRIPS,
    buckets_of,
    candles,
    chart_document,
    drawdown_pct,
    drawn_holes,
    exposure_pct,
    line,
    markers,
    pick_points,
    plot_lines,
    rows_of,
    trips,
    worst,
)
from server.charts.run_tables import RunSeries
from tests.ledgers import CONFIG, START_MS, bars_of, ledger_of

MINUTE_MS = 60_000
START_S = START_MS // 1000


def minutes(n: int) -> np.ndarray:
    return START_MS + MINUTE_MS * np.arange(n)


def in_tens(n: int, start: int | None = None, end: int | None = None):
    """Buckets of ten bars each over n bars of one minute."""
    most = -(-n // 10) if start is None else -(-(end - start) // (10 * MINUTE_MS))
    return buckets_of(minutes(n), MINUTE_MS, start, end, most)


# Buckets


def test_few_bars_are_a_bucket_each():
    buckets = buckets_of(minutes(5), MINUTE_MS)
    assert buckets.bars_each == 1
    assert buckets.time_s.tolist() == (minutes(5) // 1000).tolist()
    assert buckets.edges[-1] == START_MS + 5 * MINUTE_MS


def test_the_last_bucket_may_be_shorter():
    buckets = in_tens(25)
    assert buckets.bars_each == 9  # 25 bars in at most 3 buckets
    assert buckets.time_s.tolist() == [START_S, START_S + 9 * 60, START_S + 18 * 60]


@given(
    n=st.integers(1, 5000),
    most=st.integers(1, 50),
    window=st.tuples(st.integers(-100, 5100), st.integers(-100, 5100)),
)
def test_buckets_cover_the_view_and_are_never_too_many(n, most, window):
    low, high = sorted(window)
    start, end = START_MS + low * MINUTE_MS, START_MS + high * MINUTE_MS
    buckets = buckets_of(minutes(n), MINUTE_MS, start, end, most)
    assert len(buckets) <= most
    shown = [t for t in minutes(n).tolist() if start <= t <= end]
    if shown:
        assert buckets.edges[0] <= shown[0]
        assert buckets.edges[-1] == shown[-1] + MINUTE_MS
        assert (np.diff(buckets.edges) > 0).all()


def test_a_view_moved_sideways_keeps_its_buckets():
    one = buckets_of(minutes(1000), MINUTE_MS, START_MS, START_MS + 399 * MINUTE_MS, 40)
    other = buckets_of(
        minutes(1000), MINUTE_MS, START_MS + 203 * MINUTE_MS, START_MS + 592 * MINUTE_MS, 40
    )
    assert one.bars_each == other.bars_each == 10
    assert set(other.edges[:20].tolist()) < set(one.edges.tolist())


def test_a_view_beside_the_bars_is_empty():
    buckets = buckets_of(minutes(5), MINUTE_MS, START_MS + 10**9, START_MS + 2 * 10**9)
    assert len(buckets) == 0
    assert len(buckets_of(minutes(0), MINUTE_MS)) == 0


# Candles and lines


def test_a_candle_is_exact_over_its_bucket():
    bars = bars_of(
        open=[1, 2, 3, 4, 5],
        high=[9, 5, 8, 6, 7],
        low=[0.5, 2, 0.1, 3, 4],
        close=[2, 3, 4, 5, 6],
        timeframe=Timeframe.M1,
    )
    made = candles(bars, buckets_of(bars.timestamp, MINUTE_MS, most=2))  # three bars and two
    assert made["open"].tolist() == [1, 4]
    assert made["high"].tolist() == [9, 7]
    assert made["low"].tolist() == [0.1, 3]
    assert made["close"].tolist() == [4, 6]
    assert made["volume"].tolist() == [3, 2]


def test_candles_of_the_middle_leave_the_rest_out():
    bars = bars_of(np.arange(1.0, 101.0), timeframe=Timeframe.M1)
    view = (START_MS + 40 * MINUTE_MS, START_MS + 59 * MINUTE_MS)
    made = candles(bars, buckets_of(bars.timestamp, MINUTE_MS, *view, most=2))
    assert made["low"].tolist() == [40, 50]  # each opens at the close before
    assert made["high"].tolist() == [50, 60]


@given(seed=st.integers(0, 10_000), n=st.integers(1, 300), most=st.integers(2, 40))
def test_a_line_keeps_the_highest_and_lowest_value_of_the_view(seed, n, most):
    value = np.random.default_rng(seed).normal(size=n).cumsum()
    buckets = buckets_of(minutes(n), MINUTE_MS, most=most)
    shown = line(minutes(n), value, buckets)
    assert len(shown) == len(buckets)
    assert set(shown.tolist()) <= set(value.tolist())
    at = buckets.of(minutes(n))
    if at[value.argmax()] != at[value.argmin()]:  # a bucket shows one value
        assert shown.max() == value.max()
        assert shown.min() == value.min()


def test_a_line_of_single_bars_is_the_values_themselves():
    value = np.array([3.0, 1.0, 2.0])
    assert line(minutes(3), value, buckets_of(minutes(3), MINUTE_MS)).tolist() == [3, 1, 2]


def test_a_bucket_shows_the_value_furthest_from_its_last():
    value = np.full(40, 5.0)
    value[3], value[4] = 4.0, 5.5  # the dip is deeper than the rise is high
    value[15], value[33] = 9.0, 0.0
    assert line(minutes(40), value, in_tens(40)).tolist() == [4.0, 9.0, 5.0, 0.0]


def test_a_line_that_ends_early_has_no_more_values():
    shown = line(minutes(10), np.ones(10), in_tens(30))
    assert shown[0] == 1.0
    assert np.isnan(shown[1:]).all()


def test_missing_values_are_passed_over_within_a_bucket():
    value = np.full(20, np.nan)
    value[4], value[12], value[17] = 7.0, 3.0, 1.0
    assert line(minutes(20), value, in_tens(20)).tolist() == [7.0, 1.0]
    assert np.isnan(line(minutes(20), np.full(20, np.nan), in_tens(20))).all()


def test_drawdowns_are_measured_from_the_whole_run_not_from_the_view():
    fall = drawdown_pct(np.array([100.0, 200.0, 150.0, 160.0]), 100.0)
    assert fall == pytest.approx([0.0, 0.0, -25.0, -20.0])
    view = buckets_of(minutes(4), MINUTE_MS, START_MS + 3 * MINUTE_MS)
    assert worst(minutes(4), fall, view, np.fmin) == pytest.approx([-20.0])


def test_the_capital_is_the_first_peak_of_the_drawdown():
    assert drawdown_pct(np.array([90.0]), 100.0) == pytest.approx([-10.0])


# Markers


def fills(*rows: tuple[int, str, float, float, float]) -> dict:
    """Fills as (minute, kind, price, quantity, pnl)."""
    minute, kind, price, quantity, pnl = zip(*rows, strict=True)
    return {
        "timestamp": START_MS + MINUTE_MS * np.array(minute),
        "action": Words(np.array([ACTIONS.index(k) for k in kind], np.uint8), ACTIONS),
        "price": np.array(price, float),
        "quantity": np.array(quantity, float),
        "pnl": np.array(pnl, float),
    }


def test_a_fill_alone_is_a_marker_with_its_own_numbers():
    made = markers(fills((2, "sell", 10.5, 3.0, -1.0)), buckets_of(minutes(5), MINUTE_MS))
    assert made == [[START_S + 120, "sell", 1, 10.5, 3.0, -1.0]]


def test_fills_of_a_kind_in_a_bucket_are_one_marker():
    made = markers(
        fills((1, "buy", 10, 1, 0), (2, "sell", 11, 1, 5), (3, "buy", 20, 3, 0)), in_tens(20)
    )
    assert made == [
        [START_S, "buy", 2, 17.5, 4.0, 0.0],  # (10 x 1 + 20 x 3) / 4
        [START_S, "sell", 1, 11.0, 1.0, 5.0],
    ]


def test_fills_beside_the_view_have_no_marker():
    trades = fills((1, "buy", 10, 1, 0), (12, "buy", 10, 1, 0), (25, "sell", 10, 1, 0))
    view = in_tens(30, START_MS + 10 * MINUTE_MS, START_MS + 19 * MINUTE_MS)
    assert [marker[0] for marker in markers(trades, view)] == [START_S + 600]


def test_a_run_without_fills_has_no_markers():
    trades = {name: column[:0] for name, column in fills((1, "buy", 1, 1, 0)).items()}
    trades["action"] = Words(np.empty(0, np.uint8), ACTIONS)
    assert markers(trades, in_tens(30)) == []


def test_too_many_markers_are_joined_without_losing_a_fill():
    n = 3_000
    kinds = ("buy", "sell", "liquidation")
    trades = fills(*[(i, kinds[i % 3], 10.0 + i % 2, 2.0, i) for i in range(n)])
    buckets = buckets_of(minutes(n), MINUTE_MS)
    made = markers(trades, buckets)
    assert MAX_MARKERS / 4 < len(made) <= MAX_MARKERS
    assert sum(marker[2] for marker in made) == n
    assert sum(marker[5] for marker in made) == n * (n - 1) / 2
    assert [m[0] for m in made] == sorted(m[0] for m in made)
    assert {m[0] for m in made} <= set(buckets.time_s.tolist())  # the time axis has no others


# Trips


def held(*rows: tuple[int, float, int, float, float]) -> dict[str, np.ndarray]:
    """Round trips as (entry minute, entry price, exit minute, exit price, pnl)."""
    entry, entry_price, left, exit_price, pnl = (
        np.array(column, float) for column in zip(*rows, strict=True)
    )
    return {
        "entry_time": START_MS + MINUTE_MS * entry.astype(np.int64),
        "exit_time": START_MS + MINUTE_MS * left.astype(np.int64),
        "entry_price": entry_price,
        "exit_price": exit_price,
        "pnl": pnl,
    }


def test_a_trip_leads_from_entry_to_exit():
    made = trips(held((1, 10, 4, 13, 2.5)), buckets_of(minutes(9), MINUTE_MS))
    assert made == [[START_S + 60, 10.0, START_S + 240, 13.0, True]]


def test_a_trip_within_a_bar_stands_upright():
    made = trips(held((4, 10, 4, 13, -1)), buckets_of(minutes(9), MINUTE_MS))
    assert made == [[START_S + 240, 10.0, START_S + 240, 13.0, False]]


def test_a_trip_is_drawn_between_buckets_of_the_overview():
    assert trips(held((13, 10, 27, 11, 1)), in_tens(30)) == [
        [START_S + 600, 10.0, START_S + 1200, 11.0, True]
    ]


def test_a_trip_beyond_the_view_is_cut_where_its_line_passes():
    view = in_tens(30, START_MS + 10 * MINUTE_MS, START_MS + 19 * MINUTE_MS)
    ((from_s, from_price, to_s, to_price, _),) = trips(held((5, 100, 25, 120, 1)), view)
    assert (from_s, from_price) == (START_S + 600, 105.0)
    assert to_s == START_S + 600  # the only bucket, which ends at minute 20
    assert to_price == pytest.approx(115.0, abs=0.01)


def test_trips_beside_the_view_are_left_out():
    view = in_tens(30, START_MS + 10 * MINUTE_MS, START_MS + 19 * MINUTE_MS)
    assert trips(held((1, 1, 9, 1, 1), (20, 1, 25, 1, 1)), view) == []


def test_of_too_many_trips_those_with_the_most_at_stake_are_shown():
    rows = [(i, 10.0, i, 11.0, (-1) ** i * float(i)) for i in range(MAX_TRIPS + 50)]
    made = trips(held(*rows), buckets_of(minutes(400), MINUTE_MS))
    assert len(made) == MAX_TRIPS
    assert [trip[0] for trip in made] == [START_S + 60 * i for i in range(50, MAX_TRIPS + 50)]


# Plots


def test_a_plot_has_a_point_for_each_bucket_that_it_touches():
    plots = {"mean": (minutes(30)[[1, 2, 25]], np.array([1.0, 4.0, 2.0]))}
    assert plot_lines(plots, in_tens(30)) == {"mean": [[START_S, 1.0], [START_S + 1200, 2.0]]}


def test_a_plot_without_a_number_has_no_point_there():
    plots = {"mean": (minutes(3), np.array([1.0, np.nan, 3.0]))}
    assert plot_lines(plots, buckets_of(minutes(3), MINUTE_MS)) == {
        "mean": [[START_S, 1.0], [START_S + 120, 3.0]]
    }


# The document


def series_of(results: BacktestResults) -> RunSeries:
    return RunSeries(results.tables(), results.plots)


def run(n: int = 100, n_bars: int | None = None) -> tuple[RunSeries, object]:
    bars = bars_of(100.0 + np.arange(n), timeframe=Timeframe.M1)
    state = {"cash": 900.0, "size": 1.0, "entry_price": 109.0, "margin": 100.0}
    flat = {"cash": 1100.0}
    ledger = ledger_of(
        n if n_bars is None else n_bars,
        states=[{"bar": 10, **state}, {"bar": 30, **flat}],
        trades=[{"bar": 10, "action": "buy", "quantity": 1.0, "price": 109.0, "leverage": 1.09}],
    )
    return series_of(BacktestResults.build(CONFIG, bars, ledger, 0.0)), bars


def test_the_document_is_what_the_chart_draws():
    series, bars = run()
    document = orjson.loads(
        orjson.dumps(
            chart_document(series, bars, 1000.0, most=10), option=orjson.OPT_SERIALIZE_NUMPY
        )
    )
    assert document["timeframe"] == "1m"
    assert document["bar_ms"] == MINUTE_MS
    assert document["bars_per_point"] == 10
    assert (document["first"], document["last"]) == (START_MS, START_MS + 100 * MINUTE_MS)
    for name in ("time", "open", "high", "low", "close", "volume", "equity", "hold", "drawdown"):
        assert len(document[name]) == 10, name
    # One unit is worth 119 at bar 19 of an equity of 1,010, and 129 of 1,020 at bar 29.
    assert document["exposure_high"][:4] == [0, 11.78, 12.65, 0]
    assert document["exposure_low"] == [0] * 10
    assert document["leverage"][1] == 1.09
    assert document["hold"][-1] == pytest.approx(1000.0 * 199 / 100)
    assert document["markers"] == [[START_S + 600, "buy", 1, 109.0, 1.0, 0.0]]
    assert document["trips"] == []
    assert document["plots"] == document["indicators"] == {}


def test_zooming_in_ends_at_single_bars_with_the_runs_own_values():
    series, bars = run(5_000)
    assert chart_document(series, bars, 1000.0)["bars_per_point"] == 3
    view = chart_document(series, bars, 1000.0, START_MS + 8 * MINUTE_MS, START_MS + MINUTE_MS * 12)
    assert view["bars_per_point"] == 1
    assert view["equity"].tolist() == series.numbers("portfolio", "portfolio_value")[8:13].tolist()
    assert view["close"].tolist() == bars.close[8:13].tolist()


def test_a_failed_run_is_shown_with_all_the_bars_and_as_far_as_it_came():
    series, bars = run(100, n_bars=40)
    document = chart_document(series, bars, 1000.0)
    assert len(document["time"]) == 100
    assert np.isnan(document["equity"]).tolist() == [False] * 40 + [True] * 60


def test_a_view_without_bars_is_empty_and_still_a_document():
    series, bars = run()
    document = chart_document(series, bars, 1000.0, START_MS + 10**12, START_MS + 2 * 10**12)
    assert len(document["time"]) == len(document["equity"]) == 0
    assert document["markers"] == document["trips"] == []


def test_a_run_that_failed_before_its_first_bar_is_a_document():
    series, bars = run(100, n_bars=0)
    document = chart_document(series, bars, 1000.0)
    assert np.isnan(document["equity"]).all()


@given(n=st.integers(1, 12_000))
def test_no_view_has_more_than_two_thousand_buckets(n):
    assert len(buckets_of(minutes(n), MINUTE_MS)) <= MAX_BUCKETS == 2_000


# Exposure


def test_exposure_has_the_sign_of_the_position_and_follows_the_close():
    bars = bars_of([100.0, 110.0, 120.0, 130.0, 110.0, 100.0], timeframe=Timeframe.M1)
    ledger = ledger_of(
        6,
        states=[
            {"bar": 1, "cash": 945.0, "size": 1.0, "entry_price": 110.0, "margin": 55.0},
            {"bar": 3, "cash": 955.0, "size": -1.0, "entry_price": 130.0, "margin": 65.0},
            {"bar": 5, "cash": 1050.0},
        ],
        trades=[
            {"bar": 1, "action": "buy", "side": "long", "quantity": 1.0, "price": 110.0},
            {"bar": 3, "action": "sell", "side": "long", "quantity": 1.0, "closing": 1},
            {"bar": 3, "action": "sell", "side": "short", "quantity": 1.0, "price": 130.0},
            {"bar": 5, "action": "buy", "side": "short", "quantity": 1.0, "closing": 1},
        ],
    )
    series = series_of(BacktestResults.build(CONFIG, bars, ledger, 0.0))
    # Flat; 110 of 1,000; 120 of 1,010; short 130 of 1,020; short 110 of 1,040; flat.
    expected = [0.0, 11.0, 12_000 / 1_010, -13_000 / 1_020, -11_000 / 1_040, 0.0]
    np.testing.assert_allclose(exposure_pct(series), expected, rtol=1e-12)


def test_a_bucket_shows_how_far_it_was_exposed_at_most():
    series, bars = run()
    document = chart_document(series, bars, 1000.0, most=1)
    assert document["exposure_low"].tolist() == [0.0]
    assert document["exposure_high"].tolist() == [12.65]


def test_a_run_without_a_fill_was_never_exposed():
    bars = bars_of([100.0, 110.0], timeframe=Timeframe.M1)
    ledger = ledger_of(2)
    series = series_of(BacktestResults.build(CONFIG, bars, ledger, 0.0))
    assert exposure_pct(series).tolist() == [0.0, 0.0]


# Picked points


def portfolio(value: np.ndarray, **columns: np.ndarray) -> dict[str, np.ndarray]:
    return {"timestamp": minutes(len(value)), "portfolio_value": value, **columns}


def test_all_points_are_picked_when_they_fit():
    assert pick_points(portfolio(np.ones(5)), 5).tolist() == [0, 1, 2, 3, 4]


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(2, 200),
    length=st.integers(1, 1_000),
)
def test_picked_points_keep_the_ends_and_extremes_within_their_number(seed, n, length):
    rng = np.random.default_rng(seed)
    value, cash = rng.normal(size=length).cumsum(), rng.normal(size=length)
    cash[0] = np.nan
    picked = pick_points(portfolio(value, cash=cash), n).tolist()
    assert len(picked) == len(set(picked)) <= n
    assert picked == sorted(picked)
    assert {0, length - 1} <= set(picked)
    if n >= 4:
        assert {int(value.argmax()), int(value.argmin())} <= set(picked)
    if n >= 6 and length > 1:
        assert {int(np.nanargmax(cash)), int(np.nanargmin(cash))} <= set(picked)


def test_every_stretch_keeps_its_peak_and_its_fall():
    value = np.zeros(1_000)
    value[5::100], value[55::100] = np.arange(1, 11), -np.arange(1, 11)
    picked = set(pick_points(portfolio(value), 44).tolist())
    assert {*range(5, 1000, 100), *range(55, 1000, 100)} <= picked


def test_most_of_the_room_is_used():
    value = np.random.default_rng(1).normal(size=525_600).cumsum()
    assert 1_900 <= len(pick_points(portfolio(value), 2_000)) <= 2_000


def test_a_single_point_is_the_last():
    assert pick_points(portfolio(np.arange(9.0)), 1).tolist() == [8]


def test_no_rows_have_no_points():
    assert pick_points(portfolio(np.empty(0)), 100).tolist() == []


# Rows


def test_rows_are_dicts_of_plain_values():
    series, _ = run()
    (row,) = rows_of(series.tables["trades"])
    assert row["action"] == "buy"
    assert row["timestamp"] == START_MS + 10 * MINUTE_MS
    assert row["price"] == 109.0
    assert orjson.dumps(row)


def test_a_missing_number_in_a_row_is_none():
    table = {"a": np.array([1.0, np.nan]), "b": np.array([1, 2])}
    assert rows_of(table) == [{"a": 1.0, "b": 1}, {"a": None, "b": 2}]


def test_some_rows_can_be_asked_for():
    table = {"a": np.arange(10)}
    assert rows_of(table, slice(0, 2)) == [{"a": 0}, {"a": 1}]
    assert rows_of(table, np.array([3, 9])) == [{"a": 3}, {"a": 9}]


def with_hole(before: int, missing: int, after: int) -> np.ndarray:
    """Minutes with that many missing after the first `before`."""
    numbers = np.append(np.arange(before), before + missing + np.arange(after))
    return START_MS + MINUTE_MS * numbers


def test_no_bucket_lies_on_both_sides_of_a_hole():
    timestamp = with_hole(25, 100, 75)
    buckets = buckets_of(timestamp, MINUTE_MS, most=12)
    # 100 bars, eleven buckets beside the hole: ten bars each, the third cut by the hole.
    assert buckets.bars_each == 10
    edges = ((buckets.edges - START_MS) // MINUTE_MS).tolist()
    assert edges == [0, 10, 20, 125, 130, 140, 150, 160, 170, 180, 190, 200]
    start, after = START_MS // 1000 + 25 * 60, START_MS // 1000 + 125 * 60
    assert drawn_holes(timestamp, MINUTE_MS, buckets) == [[start, after, 100]]


def test_a_hole_shorter_than_a_bucket_is_not_drawn_in_the_overview():
    timestamp = with_hole(25, 5, 75)
    assert drawn_holes(timestamp, MINUTE_MS, buckets_of(timestamp, MINUTE_MS, most=12)) == []
    assert len(drawn_holes(timestamp, MINUTE_MS, buckets_of(timestamp, MINUTE_MS))) == 1


def test_a_wide_view_goes_on_behind_a_hole():
    timestamp = with_hole(30, 1_000, 30)
    inside = START_MS + 500 * MINUTE_MS
    assert len(buckets_of(timestamp, MINUTE_MS, inside, inside)) == 0
    # Twenty bars on each side of nothing.
    buckets = buckets_of(timestamp, MINUTE_MS, inside, inside, wide=True)
    opens = (buckets.edges[:-1] - START_MS) // MINUTE_MS
    assert opens.tolist() == [*range(10, 30), *range(1_030, 1_050)]
