"""Each line of a log begins with its bar's time, however it was put together."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sandbox.runtime.log_lines import LogLines

FIVE = int(datetime(2024, 3, 1, 5, tzinfo=UTC).timestamp() * 1000)
SIX = FIVE + 3_600_000


def written(*pieces: tuple[str, int | None]) -> str:
    lines = LogLines()
    return "".join(lines.timed(text, moment) for text, moment in pieces)


def test_a_line_begins_with_the_time_of_its_bar():
    assert written(("a\n", FIVE), ("b\n", SIX)) == "2024-03-01 05:00 a\n2024-03-01 06:00 b\n"


def test_before_the_first_bar_there_is_no_time():
    assert written(("a\n", None), ("b\n", FIVE)) == "initialize a\n2024-03-01 05:00 b\n"


def test_each_line_of_a_text_begins_so():
    assert (
        written(("a\n\nb\n", FIVE)) == "2024-03-01 05:00 a\n2024-03-01 05:00\n2024-03-01 05:00 b\n"
    )


def test_a_line_in_pieces_has_one_time_that_of_its_beginning():
    pieces = [("a", FIVE), (" b", FIVE), ("", SIX), (" c\nd", SIX), ("\n", SIX)]
    assert written(*pieces) == "2024-03-01 05:00 a b c\n2024-03-01 06:00 d\n"


def test_a_text_without_an_end_is_begun_and_not_ended():
    assert written(("a", FIVE)) == "2024-03-01 05:00 a"
    assert written(("", FIVE)) == ""


@pytest.mark.parametrize("size", range(1, 8))
def test_how_a_text_is_cut_up_changes_nothing(size: int):
    text = "\n\none\ntwo three\n\n\nfour"
    pieces = [(text[start : start + size], FIVE) for start in range(0, len(text), size)]
    assert written(*pieces) == written((text, FIVE))
