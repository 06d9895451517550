"""Tables grow, forget and become records."""

import numpy as np
import pytest

from engine.table import FIRST_ROWS, Table

PAIR = np.dtype([("bar", "<i4"), ("price", "<f8")])


def table_of(count: int) -> Table:
    table = Table(PAIR)
    for number in range(count):
        row = table.add()
        table.cells[row, 0] = number
        table.cells[row, 1] = number / 4
    return table


def test_rows_survive_growing():
    count = 5 * FIRST_ROWS + 1
    records = table_of(count).records()
    assert records.dtype == PAIR
    assert records["bar"].tolist() == list(range(count))
    assert records["price"].tolist() == [number / 4 for number in range(count)]


def test_records_can_begin_later():
    assert table_of(5).records(3).tolist() == [(3, 0.75), (4, 1.0)]


def test_a_row_is_read_by_its_number():
    table = table_of(3)
    assert table.row(2) == (2.0, 0.5)
    for outside in (-1, 3):
        with pytest.raises(IndexError):
            table.row(outside)


def test_forgotten_rows_are_gone_and_their_room_is_used_again():
    table = table_of(4)
    table.truncate(2)
    assert len(table) == 2
    assert table.add() == 2
