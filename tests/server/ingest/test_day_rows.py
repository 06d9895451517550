from pathlib import Path

import numpy as np

from engine.enums import Timeframe
from engine.history.day_files import Columns
from server.ingest.day_rows import DayRows, Places, join_rows, whole_buckets

MINUTE = 60_000


def rows(
    minutes: list[int], price: float = 2.0, volume: float = 1.0, name: str = "a.csv"
) -> DayRows:
    """Minute bars, each in the line after its minute's number."""
    times = np.array(minutes, np.int64) * MINUTE
    flat = np.full(len(times), price)
    columns = Columns(times, flat, flat, flat, flat, np.full(len(times), volume))
    return DayRows.of(Timeframe.M1, columns, Places.of_file(Path(name), times // MINUTE + 1))


def test_rows_of_several_parts_come_in_order_and_copies_are_counted() -> None:
    joined, copies, conflicts = join_rows([rows([5, 1]), rows([3, 5], name="b.csv"), rows([5])])

    assert (joined.columns.timestamp // MINUTE).tolist() == [1, 3, 5]
    assert [joined.places.place(row) for row in range(3)] == [
        (Path("a.csv"), 2),
        (Path("b.csv"), 4),
        (Path("a.csv"), 6),
    ]
    assert np.flatnonzero(joined.covered).tolist() == [1, 3, 5]
    assert (copies, conflicts) == (2, [])


def test_rows_that_differ_are_named_with_every_column_and_the_first_part_stays() -> None:
    joined, copies, conflicts = join_rows([rows([1]), rows([1], 3.0, 7.0, "b.csv"), rows([1])])

    assert joined.columns.volume.tolist() == [1.0]
    assert copies == 1
    assert [str(conflict) for conflict in conflicts] == [
        "b.csv line 2: two different 1m bars open at 1970-01-01 00:01: open 3, high 3, low 3, "
        "close 3, volume 7 here, 2, 2, 2, 2, 1 in a.csv line 2"
    ]


def test_sums_may_differ_by_rounding_and_prices_may_not() -> None:
    summed = rows([1], volume=1.0 + 5e-7)

    assert join_rows([rows([1]), summed], tolerant=True)[2] == []
    assert len(join_rows([rows([1]), summed])[2]) == 1
    assert len(join_rows([rows([1]), rows([1], 2.0 + 5e-7)], tolerant=True)[2]) == 1
    assert len(join_rows([rows([1]), rows([1], volume=1.0 + 5e-6)], tolerant=True)[2]) == 1


def test_a_bucket_is_built_when_each_of_its_slots_is_covered() -> None:
    minutes = rows([0, 1, 2, 3, 4, 5, 6, 8, 9, 12])

    built, missing = whole_buckets(minutes, Timeframe.M5)
    minutes.covered[7] = True
    more, fewer_missing = whole_buckets(minutes, Timeframe.M5)

    assert (built.columns.timestamp // MINUTE).tolist() == [0]
    assert built.columns.volume.tolist() == [5.0]
    assert (more.columns.timestamp // MINUTE).tolist() == [0, 5]
    assert more.places.place(1) == (Path("a.csv"), 6)
    assert (missing, fewer_missing) == (2, 1)


def test_no_rows_make_no_bucket() -> None:
    built, missing = whole_buckets(rows([]), Timeframe.D1)

    assert (len(built.columns.timestamp), missing) == (0, 0)
