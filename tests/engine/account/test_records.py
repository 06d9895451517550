"""Codes are stable and fit their byte: files and pipes depend on them."""

from __future__ import annotations

import numpy as np
import pytest

from engine.account import codes, records
from engine.account.records import ORDER_DTYPE, STATE_DTYPE, TRADE_DTYPE


def test_an_order_call_is_80_bytes_without_holes() -> None:
    assert ORDER_DTYPE.itemsize == 80
    assert sum(ORDER_DTYPE[name].itemsize for name in ORDER_DTYPE.names) == 80


def test_the_columns_of_a_table_of_calls_are_the_fields_in_their_order() -> None:
    for place, name in enumerate(ORDER_DTYPE.names):
        assert getattr(codes, f"IN_{name.upper()}") == place


@pytest.mark.parametrize("dtype", [ORDER_DTYPE, TRADE_DTYPE, STATE_DTYPE])
def test_records_are_plain_little_endian_numbers(dtype: np.dtype) -> None:
    assert {dtype[name].str[0] for name in dtype.names} <= {"<", "|"}
    assert all(dtype[name].kind in "iuf" for name in dtype.names)


@pytest.mark.parametrize("words", ["CALLS", "PHASES", "ACTIONS", "SIDES", "REASONS", "OUTCOMES"])
def test_codes_fit_a_byte_and_repeat_no_word(words: str) -> None:
    names = getattr(records, words)
    assert len(set(names)) == len(names) < 256


def test_the_bits_of_given_are_apart() -> None:
    bits = [getattr(codes, name) for name in dir(codes) if name.startswith("GIVEN_")]
    assert sorted(bits) == [1 << n for n in range(15)]


def test_codes_stand_for_the_words_at_their_places() -> None:
    assert records.REASONS[codes.BY_END] == "end"
    assert records.REASONS[codes.BY_DELISTING] == "delisted"
    assert records.OUTCOMES[codes.EXPIRED] == "expired"
    assert len(records.CALLS) <= codes.WORD
