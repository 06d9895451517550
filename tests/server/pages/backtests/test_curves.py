import numpy as np
import pytest

from engine.account.records import ACTIONS, SIDES
from engine.analysis.csv_text import Words
from engine.enums import Timeframe
from server.charts.indicators import NO_INDICATORS, KeptIndicators
from server.charts.lines import ChartLine
from server.charts.run_tables import RunSeries
from server.pages.backtests import curves
from tests.ledgers import bars_of

DAY_MS = 86_400_000


def series(values: list[float], plots: dict | None = None, start_ms: int = 0) -> RunSeries:
    """A portfolio of one row a day that never held anything."""
    count = len(values)
    return RunSeries(
        {
            "portfolio": {
                "timestamp": start_ms + DAY_MS * np.arange(count, dtype=np.int64),
                "portfolio_value": np.array(values, float),
                "margin_used": np.zeros(count),
                "unrealized_pnl": np.zeros(count),
                "leverage_ratio": np.zeros(count),
                "position_size": np.zeros(count),
            },
            "trades": {
                "timestamp": np.empty(0, np.int64),
                "action": Words(np.empty(0, np.uint8), ACTIONS),
                "position_type": Words(np.empty(0, np.uint8), SIDES),
            },
        },
        plots or {},
    )


def test_a_short_run_has_no_rolling_ratio():
    assert curves.rolling_sharpe(series([100.0] * 59), 100.0) is None


def test_idle_days_have_no_ratio_to_draw():
    assert curves.rolling_sharpe(series([100.0] * 80), 100.0) is None


def test_a_long_curve_keeps_its_peak():
    values = [100.0] * 5_000
    values[3_333] = 900.0
    plot = curves.equity_plot(series(values), 100.0)
    heights = [float(p.split(" ")[1]) for p in plot.lines[0].path[1:].split("L")]
    assert min(heights) < 10  # the peak is near the top
    assert len(heights) <= 602


def test_an_outline_keeps_ends_peaks_and_falls():
    value = np.zeros(10_000)
    value[1_234], value[8_765] = 9.0, -9.0
    time, kept = curves.outline(np.arange(10_000), value)
    assert len(time) <= 602
    assert {0, 1_234, 8_765, 9_999} <= set(time.tolist())
    assert (np.diff(time) > 0).all()
    assert kept.tolist() == value[time].tolist()


def test_an_outline_of_gaps_has_gaps():
    value = np.full(5_000, np.nan)
    value[4_999] = 1.0
    _, kept = curves.outline(np.arange(5_000), value)
    assert np.isnan(kept[:-1]).all()
    assert kept[-1] == 1.0


@pytest.mark.parametrize(
    ("values", "joined"),
    [
        ([np.nan, 1.0, np.nan, 3.0, np.nan], [None, 1.0, 2.0, 3.0, None]),
        ([np.nan, np.nan], [None, None]),
        ([1.0], [1.0]),
        ([], []),
    ],
)
def test_a_line_is_joined_between_its_points_alone(values, joined):
    assert curves.joined(np.array(values, float)) == joined


def test_price_and_its_overlays_are_one_picture_and_each_pane_another():
    bars = bars_of(np.arange(100.0, 140.0), timeframe=Timeframe.D1)
    start = int(bars.timestamp[0])
    plots = {"zone": (bars.timestamp[[3, 9]], np.array([101.0, 107.0]))}
    kept = KeptIndicators({"rsi": np.linspace(20, 80, 40), "Price": np.full(40, 120.0)})
    lines = [ChartLine("zone", 0, "h0"), ChartLine("Price", 0, "h1"), ChartLine("rsi", 1, "h0")]
    pictures = curves.price_curves(series([1.0] * 40, plots, start), bars, kept, lines)
    assert [picture.title for picture in pictures] == ["Price", "rsi"]
    assert [line.css for line in pictures[0].plot.lines] == ["h0", "h1", "ink"]
    zone, flat, price = (line.path for line in pictures[0].plot.lines)
    assert zone.count("L") == 6  # from bar 3 to bar 9, joined
    assert len({point.split()[1] for point in flat[1:].split("L")}) == 1
    assert price.count("L") == 39


def test_without_lines_of_its_own_a_run_still_has_a_price():
    bars = bars_of(np.arange(100.0, 140.0), timeframe=Timeframe.D1)
    (picture,) = curves.price_curves(
        series([1.0] * 40, start_ms=int(bars.timestamp[0])), bars, NO_INDICATORS, []
    )
    assert [line.name for line in picture.lines] == ["Price"]


def test_exposure_is_drawn_for_readers_without_scripts():
    plot = curves.exposure_plot(series([100.0] * 5))
    assert plot is not None
    assert plot.label == "Position in percent of equity"


def dead_after(days: int, total: int) -> RunSeries:
    """An equity that swings between 100 and 101 and then stays."""
    values = [100.0 + day % 2 if day < days else 100.0 for day in range(total)]
    return series(values)


def test_the_ratio_ends_where_the_account_died():
    time, ratio = curves.rolling_ratio(dead_after(50, 152), 100.0)
    # The last move is the fall into day 50; thirty days later no return is left but zeros.
    assert time[0] == 29 * DAY_MS
    assert time[-1] == 79 * DAY_MS
    assert not np.isnan(ratio[[0, -1]]).any()
    assert curves.rolling_ends_early(dead_after(50, 152), 100.0) == 79 * DAY_MS
    assert curves.rolling_ends_early(dead_after(152, 152), 100.0) is None
    assert curves.rolling_ends_early(series([100.0] * 10), 100.0) is None


def test_thirty_days_over_a_hole_have_no_ratio():
    whole = dead_after(120, 120)
    portfolio = whole.tables["portfolio"]
    days = np.append(np.arange(60), np.arange(100, 160))
    portfolio["timestamp"] = DAY_MS * days
    time, ratio = curves.rolling_ratio(whole, 100.0)
    there = (time[~np.isnan(ratio)] // DAY_MS).tolist()
    assert there == [*range(29, 60), *range(129, 160)]


def test_a_curve_is_not_joined_over_a_hole():
    gone = series([float(100 + day) for day in range(40)])
    gone.tables["portfolio"]["timestamp"] = DAY_MS * np.append(np.arange(20), np.arange(80, 100))
    plot = curves.equity_plot(gone, 100.0)
    assert plot.lines[0].path.count("M") == 2
    ((left, width, hatching),) = plot.holes
    # Days 19 to 80 of 99 on 600 units.
    assert (left, width) == (115.2, 369.7)
    assert hatching.startswith("M")
