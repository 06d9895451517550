from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.csv_text import CHUNK_ROWS, Texts, Words, csv_chunks, quoted


def table(**columns: object) -> bytes:
    return b"".join(csv_chunks(list(columns), list(columns.values())))  # type: ignore[arg-type]


def test_columns_become_lines_under_their_names():
    got = table(
        time=np.array([1, 2]),
        price=np.array([0.5, 1e-5]),
        side=Words(np.array([1, 0], np.uint8), ("long", "short")),
        size=np.array([3.0, -4.25]),
    )
    assert got == b"time,price,side,size\n1,0.5,short,3.0\n2,0.00001,long,-4.25\n"


def test_a_table_without_rows_is_its_header():
    assert table(a=np.empty(0), b=np.empty(0, np.int64)) == b"a,b\n"


def test_a_missing_number_is_blank():
    assert table(a=np.array([np.nan, 1.0]), b=np.array([2.0, np.nan])) == b"a,b\n,2.0\n1.0,\n"


def test_text_is_quoted_where_csv_asks_for_it():
    assert quoted("plain words") == "plain words"
    assert quoted('a "b", c') == '"a ""b"", c"'
    texts = ["", "a,b", 'say "no"', "two\nlines"]
    got = table(n=np.arange(4), why=Texts(texts)).decode()
    assert [row["why"] for row in csv.DictReader(io.StringIO(got, newline=""))] == texts


@pytest.mark.parametrize("length", [1, CHUNK_ROWS - 1, CHUNK_ROWS, CHUNK_ROWS + 1])
def test_no_row_is_lost_where_chunks_meet(length: int):
    chunks = list(csv_chunks(["i", "x"], [np.arange(length), np.arange(length) / 7]))
    lines = b"".join(chunks).splitlines()
    assert len(lines) == length + 1
    assert lines[-1].startswith(b"%d," % (length - 1))
    assert max(chunk.count(b"\n") for chunk in chunks) <= CHUNK_ROWS


def test_columns_of_a_structured_array_are_written_like_any_other():
    rows = np.array([(1, 2.5), (3, 4.5)], dtype=[("a", "<i4"), ("b", "<f8")])
    assert table(a=rows["a"], b=rows["b"]) == b"a,b\n1,2.5\n3,4.5\n"


@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_every_float_reads_back_as_itself(numbers: list[float]):
    column = np.array(numbers)
    lines = table(a=column, b=column[::-1].copy()).decode().splitlines()[1:]
    read = np.array([[float(text) for text in line.split(",")] for line in lines])
    assert read[:, 0].tobytes() == column.tobytes()
    assert read[:, 1].tobytes() == column[::-1].tobytes()
