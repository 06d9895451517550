import numpy as np

from engine.enums import DAY_MS, Timeframe
from engine.history.day_sources import OWN_FILE, covered_ms, serving, source_order

MINUTE = 60_000


def chosen(*files: tuple[int, int, int]) -> list[int]:
    """Positions that serve; files are (day, ms covered, rank)."""
    days, covered, ranks = (np.array(column, np.int64) for column in zip(*files, strict=True))
    return serving(days, covered, ranks).tolist()


def test_sources_are_the_timeframe_itself_and_then_the_finest_first() -> None:
    assert source_order(Timeframe.M15) == (Timeframe.M15, Timeframe.M1, Timeframe.M5)


def test_bars_cover_their_own_length() -> None:
    assert covered_ms(5, Timeframe.M1) == 5 * MINUTE
    assert covered_ms(24, Timeframe.H1) == DAY_MS


def test_the_own_file_serves_even_beside_a_whole_day() -> None:
    assert chosen((1, OWN_FILE, 0), (1, DAY_MS, 1)) == [0]


def test_a_whole_day_beats_part_of_a_finer_one() -> None:
    assert chosen((1, 5 * MINUTE, 1), (1, DAY_MS, 4)) == [1]


def test_of_parts_the_one_that_covers_most_serves() -> None:
    # 1,199 minutes are a minute less than 20 hours.
    assert chosen((1, 1199 * MINUTE, 1), (1, 1200 * MINUTE, 4)) == [1]


def test_of_equals_the_finest_serves() -> None:
    assert chosen((1, DAY_MS, 4), (1, DAY_MS, 1), (1, DAY_MS, 2)) == [1]
    assert chosen((1, 0, 2), (1, 0, 1)) == [1]


def test_each_day_is_judged_for_itself() -> None:
    files = (2, DAY_MS, 1), (1, MINUTE, 1), (1, DAY_MS, 2), (2, DAY_MS, 2), (3, 0, 2)
    assert chosen(*files) == [2, 0, 4]


def test_no_files_serve_no_day() -> None:
    none = np.empty(0, np.int64)
    assert serving(none, none, none).tolist() == []
