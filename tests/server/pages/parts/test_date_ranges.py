from datetime import date, timedelta

import pytest

from engine.enums import Timeframe
from engine.history.catalogue import DayPresence
from server.pages.parts.date_ranges import (
    holes,
    missing_of_days,
    missing_of_run,
    newest_stretch,
    share_text,
    too_much_missing,
)

JANUARY = date(2024, 1, 1)


def days(*bars: int) -> list[DayPresence]:
    """Days from the 1st on with that many of 24 bars; -1: no file."""
    return [
        DayPresence((JANUARY + timedelta(i)).isoformat(), held, 24, "1h")
        for i, held in enumerate(bars)
        if held >= 0
    ]


def stretch(*bars: int, after_last: int = 0) -> tuple[int, int]:
    first, last = newest_stretch(days(*bars), 24, after_last)
    return first.day, last.day


def test_a_stretch_begins_after_the_newest_hole_of_more_than_a_day():
    assert stretch(24, 24, -1, -1, 24, 24) == (5, 6)
    assert stretch(24, 24, 24) == (1, 3)
    assert newest_stretch([], 24) is None


def test_a_hole_of_exactly_a_day_is_let_pass_and_a_bar_more_is_not():
    assert stretch(24, -1, 24, 24) == (1, 4)
    assert stretch(23, -1, 24, 24) == (3, 4)
    assert stretch(24, 24, -1, 23, 24) == (4, 5)
    assert stretch(24, 0, 24) == (1, 3)  # a file without bars is a missing day
    assert stretch(24, 0, 0, 24) == (4, 4)


def test_the_end_of_the_history_is_no_hole():
    # The last day ends at noon: 12 bars are still to come.
    assert stretch(24, -1, 12, after_last=12) == (1, 3)
    # It begins at noon: with the day before, 36 bars are missing in a row.
    assert stretch(24, -1, 12) == (3, 3)


def test_missing_bars_are_counted_but_for_the_ragged_ends():
    held = days(10, 24, -1, 20, 24, 3)
    # The 3rd whole and four bars of the 4th; late on the 1st and early on the 6th is no hole.
    assert missing_of_days(held, JANUARY, date(2024, 1, 6), 24) == (28, 144)
    # Days outside the history are missing as well: 7th and 8th.
    assert missing_of_days(held, date(2024, 1, 5), date(2024, 1, 8), 24) == (48, 96)
    assert missing_of_days([], JANUARY, JANUARY, 24) == (24, 24)


def quality(**changes: object) -> dict[str, object]:
    return {
        "requested": {"start": "2024-01-01", "end": "2024-01-10"},
        "served": {"start": "2024-01-01", "end": "2024-01-10"},
        "bars": 236,
        "missing_bars": 4,
    } | changes


def test_a_run_misses_what_lies_between_its_bars_and_whole_days_around_them():
    assert missing_of_run(quality(), Timeframe.H1) == (4, 240)
    served = {"start": "2024-01-03", "end": "2024-01-09"}
    assert missing_of_run(quality(served=served, bars=168, missing_bars=0), Timeframe.H1) == (
        72,
        240,
    )
    assert missing_of_run({}, Timeframe.H1) == (0, 0)


@pytest.mark.parametrize(
    ("missing", "expected", "words"),
    [(7976, 8720, "91 %"), (12, 1000, "1.2 %"), (999, 1000, "more than 99 %"), (5, 5, "100 %")],
)
def test_a_share_is_said_with_the_digits_it_needs(missing: int, expected: int, words: str):
    assert share_text(missing, expected) == words


def test_more_than_one_percent_is_too_much():
    assert not too_much_missing(10, 1000)
    assert too_much_missing(11, 1000)
    assert not too_much_missing(0, 0)


def test_holes_are_missing_days_and_days_with_missing_bars():
    found = holes(days(10, 24, -1, 20, 24, 3))
    assert [(a.day, b.day) for a, b in found] == [(3, 3), (4, 4)]
