"""Tables grow, forget and become records."""

import numpy as np
import pytest

from engine.account.growing_table import FIRST_ROWS, Table

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


def test_records_can_end_earlier():
    assert table_of(5).records(1, 3).tolist() == [(1, 0.25), (2, 0.5)]
    assert table_of(2).records(1, 9).tolist() == [(1, 0.25)]


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


class NoMemoryForAView(np.ndarray):
    @property
    def data(self):
        raise MemoryError


def test_a_table_that_found_no_memory_claims_no_room_that_it_has_not(monkeypatch):
    """The compiled core writes below `capacity` unchecked: past the end lies what is not its."""
    table = table_of(FIRST_ROWS)
    with monkeypatch.context() as patch:
        patch.setattr(
            "engine.account.growing_table.np.empty", lambda shape: NoMemoryForAView(shape)
        )
        with pytest.raises(MemoryError):
            table.add()
    assert (len(table), table.capacity) == (FIRST_ROWS, FIRST_ROWS)
    assert table.add() == FIRST_ROWS
    assert table.capacity == memoryview(table.cells).shape[0] > FIRST_ROWS
    assert table.records()["bar"][:FIRST_ROWS].tolist() == list(range(FIRST_ROWS))
