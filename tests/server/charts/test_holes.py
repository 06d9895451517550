import numpy as np
import pytest

from server.charts.holes import grave_holes, held_across, holes_of, spanned
from server.charts.run_tables import RunSeries

HOUR_MS = 3_600_000
# Hours 3 to 5 are missing, and 8 to 39.
HOURS = np.array([0, 1, 2, 6, 7, 40, 41])
TIMES = HOURS * HOUR_MS


def run(trips: list[tuple[int, int, float]], margin: list[float]) -> RunSeries:
    """Trips of (entry hour, exit hour, pnl) over the hours above."""
    entry, exit_, pnl = (np.array(column) for column in zip(*trips, strict=True))
    return RunSeries(
        {
            "round_trips": {
                "entry_time": entry.astype(np.int64) * HOUR_MS,
                "exit_time": exit_.astype(np.int64) * HOUR_MS,
                "pnl": pnl.astype(float),
            },
            "portfolio": {"timestamp": TIMES, "margin_used": np.array(margin)},
        },
        {},
    )


def test_a_hole_is_known_by_the_bars_beside_it():
    holes = holes_of(TIMES, HOUR_MS)
    assert (holes.before // HOUR_MS).tolist() == [2, 7]
    assert (holes.start // HOUR_MS).tolist() == [3, 8]
    assert (holes.after // HOUR_MS).tolist() == [6, 40]
    assert (holes.length_ms // HOUR_MS).tolist() == [3, 32]
    assert len(holes_of(TIMES[:3])) == 0
    assert len(holes_of(TIMES[:1])) == 0


def test_holes_are_chosen_by_length_and_place():
    holes = holes_of(TIMES)
    assert (holes.longest(1).after // HOUR_MS).tolist() == [40]
    assert len(holes.longer_than(3 * HOUR_MS)) == 1
    assert (holes.between(0, 39 * HOUR_MS).after // HOUR_MS).tolist() == [6]
    # More than a day: the second alone, unless too much is missing anyway.
    assert len(grave_holes(holes, too_much=False)) == 1
    assert len(grave_holes(holes, too_much=True)) == 2


@pytest.mark.parametrize(
    ("entry", "exit_", "across"),
    [(2, 6, True), (0, 2, False), (6, 7, False), (2, 2, False), (7, 41, True), (40, 41, False)],
)
def test_a_trade_spans_a_hole_when_it_is_held_from_the_bar_before_to_one_after(
    entry: int, exit_: int, across: bool
):
    times = [np.array([hour * HOUR_MS]) for hour in (entry, exit_)]
    assert spanned(holes_of(TIMES), *times).tolist() == [across]


def test_trades_across_are_numbered_with_the_largest_first():
    series = run([(0, 1, 5.0), (1, 6, -2.0), (7, 40, 9.0)], [0.0] * 7)
    held = held_across(series, holes_of(TIMES))
    assert (held.trades, held.pnl, held.still_open) == ([3, 2], 7.0, False)


def test_an_open_position_counts_from_when_it_was_last_flat():
    trip = [(0, 1, 5.0)]
    holes = holes_of(TIMES)
    assert held_across(run(trip, [0, 0, 0, 0, 1, 1, 1]), holes).still_open
    assert not held_across(run(trip, [1, 1, 1, 1, 0, 1, 1]), holes).still_open
    assert held_across(run(trip, [1] * 7), holes).still_open
    assert not held_across(run(trip, [1, 1, 1, 1, 1, 1, 0]), holes).still_open
