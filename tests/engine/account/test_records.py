"""Codes are stable and fit their byte: files and pipes depend on them."""

from __future__ import annotations

import numpy as np
import pytest

from engine.account import records
from engine.account.records import ORDER_DTYPE, STATE_DTYPE, TRADE_DTYPE


def test_an_order_call_is_60_bytes_without_holes() -> None:
    assert ORDER_DTYPE.itemsize == 60
    assert sum(ORDER_DTYPE[name].itemsize for name in ORDER_DTYPE.names) == 60


@pytest.mark.parametrize("dtype", [ORDER_DTYPE, TRADE_DTYPE, STATE_DTYPE])
def test_records_are_plain_little_endian_numbers(dtype: np.dtype) -> None:
    assert {dtype[name].str[0] for name in dtype.names} <= {"<", "|"}
    assert all(dtype[name].kind in "iuf" for name in dtype.names)


@pytest.mark.parametrize("words", ["CALLS", "PHASES", "ACTIONS", "SIDES", "REASONS", "OUTCOMES"])
def test_codes_fit_a_byte_and_repeat_no_word(words: str) -> None:
    names = getattr(records, words)
    assert len(set(names)) == len(names) < 256


def test_the_bits_of_given_are_apart() -> None:
    bits = [
        records.GIVEN_AMOUNT,
        records.GIVEN_LIMIT,
        records.GIVEN_STOP,
        records.GIVEN_STOP_LOSS,
        records.GIVEN_TAKE_PROFIT,
    ]
    assert sum(bits) == 0b11111
