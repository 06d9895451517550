import numpy as np
import pytest

from engine.csv_text import Words
from engine.records import ACTIONS, SIDES
from server.pages import result
from server.series import RunSeries

DAY_MS = 86_400_000


def series(values: list[float], margin: float = 0.0, trades: list[tuple] = ()) -> RunSeries:
    """A portfolio of one row a day, and trades of (action, side, quantity)."""
    value = np.array(values, float)
    return RunSeries(
        {
            "portfolio": {
                "timestamp": DAY_MS * np.arange(len(values), dtype=np.int64),
                "portfolio_value": value,
                "margin_used": np.full(len(values), margin),
            },
            "trades": {
                "action": Words(np.array([ACTIONS.index(t[0]) for t in trades], np.uint8), ACTIONS),
                "position_type": Words(
                    np.array([SIDES.index(t[1]) for t in trades], np.uint8), SIDES
                ),
                "quantity": np.array([t[2] for t in trades], float),
            },
        }
    )


def test_a_year_compounds_its_months():
    (year,) = result.heatmap(
        [{"month": "2024-01", "return_pct": 10.0}, {"month": "2024-02", "return_pct": -10.0}]
    )
    assert [cell.text for cell in year.months[:3]] == ["+10.0", "−10.0", ""]
    assert year.total.text == "−1.0"  # 1.1 x 0.9 = 0.99
    assert (year.months[0].css, year.months[1].css) == ("g3", "l3")


def test_an_undefined_month_is_a_dash_and_leaves_the_year_to_the_others():
    (year,) = result.heatmap(
        [{"month": "2024-01", "return_pct": None}, {"month": "2024-02", "return_pct": 2.0}]
    )
    assert year.months[0].text == "–"
    assert year.total.text == "+2.0"


@pytest.mark.parametrize(
    ("trades", "size"),
    [
        ([("buy", "long", 2.0), ("sell", "long", 0.5)], 1.5),
        ([("sell", "short", 3.0), ("buy", "short", 1.0)], -2.0),
        ([("buy", "long", 1.0), ("liquidation", "long", 1.0), ("sell", "short", 4.0)], -4.0),
        ([("sell", "short", 1.0), ("liquidation", "short", 1.0), ("buy", "long", 4.0)], 4.0),
    ],
)
def test_the_open_position_is_what_the_fills_left(trades, size):
    assert result.open_size(series([1.0], margin=1.0, trades=trades)) == size


def test_without_margin_nothing_is_open():
    assert result.open_size(series([1.0], margin=0.0, trades=[("buy", "long", 1.0)])) is None


def test_a_short_run_has_no_rolling_ratio():
    assert result.rolling_sharpe(series([100.0] * 59), 100.0) is None


def test_idle_days_have_no_ratio_to_draw():
    assert result.rolling_sharpe(series([100.0] * 80), 100.0) is None


def test_a_long_curve_keeps_its_peak():
    values = [100.0] * 5_000
    values[3_333] = 900.0
    plot = result.equity_plot(series(values), 100.0)
    heights = [float(p.split(" ")[1]) for p in plot.lines[0].path[1:].split("L")]
    assert min(heights) < 10  # the peak is near the top
    assert len(heights) <= 602
