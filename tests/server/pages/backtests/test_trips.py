import numpy as np

from engine.account.records import REASONS, SIDES
from engine.analysis.csv_text import Words
from server.charts.run_tables import RunSeries
from server.pages.backtests.trips import PER_PAGE, trip_page


def series(n: int) -> RunSeries:
    """Trips that win and lose in turns, ever more; every third is short."""
    index = np.arange(n)
    number = index.astype(float)
    pnl = np.where(index % 2 == 0, number, -number)
    plain = ("quantity", "entry_price", "exit_price", "leverage", "return_pct", "mae", "mfe")
    table = {name: number for name in plain} | {
        "entry_time": index * 3_600_000,
        "exit_time": index * 3_600_000 + 1,
        "pnl": pnl,
        "bars_held": index,
        "position_type": Words((index % 3 == 2).astype(np.uint8), SIDES),
        "exit_reason": Words(np.zeros(n, np.uint8), REASONS),
    }
    return RunSeries({"round_trips": table})


def test_trips_come_in_pages_in_the_order_of_time():
    page = trip_page(series(60), 10_000.0, {}, "/backtests/bt")
    assert len(page.rows) == PER_PAGE
    assert [row["number"] for row in page.rows[:3]] == [1, 2, 3]
    assert page.after
    assert not page.before


def test_the_worst_result_comes_first_when_sorted_by_it():
    page = trip_page(series(60), 10_000.0, {"sort": "pnl"}, "/backtests/bt")
    assert page.rows[0]["pnl"] == -59.0


def test_a_filter_counts_what_it_lets_through():
    page = trip_page(series(60), 10_000.0, {"outcome": "won", "side": "short"}, "/backtests/bt")
    # Even indices beyond 0 win; every third from 2 is short: 2, 8, 14, ... 56.
    assert [row["number"] - 1 for row in page.rows] == list(range(2, 60, 6))
    assert page.shown == 10


def test_nonsense_in_the_address_is_ignored():
    page = trip_page(
        series(5), 10_000.0, {"sort": "drop table", "page": "-3", "side": "up"}, "/backtests/bt"
    )
    assert page.shown == 5
