"""Bars cannot be written to, and a part of them shares their memory."""

from __future__ import annotations

import numpy as np
import pytest

from engine.bars import COLUMNS, NO_FUNDING, Bars
from engine.enums import Timeframe
from engine.errors import DataError


def columns(count: int) -> dict[str, np.ndarray]:
    prices = np.arange(count, dtype=np.float64) + 1.0
    return {"timestamp": np.arange(count) * 60_000, **{name: prices.copy() for name in COLUMNS}}


@pytest.fixture
def five_bars() -> Bars:
    return Bars("BTCUSDT", Timeframe.M1, **columns(5))


def test_a_column_cannot_be_written_to(five_bars: Bars) -> None:
    with pytest.raises(ValueError, match="read-only"):
        five_bars.close[0] = 2.0


def test_the_givers_own_array_stays_writeable() -> None:
    given = columns(5)
    Bars("BTCUSDT", Timeframe.M1, **given)
    given["close"][0] = 2.0
    assert given["close"][0] == 2.0


def test_columns_become_contiguous_numbers_of_the_right_kind() -> None:
    given = columns(4)
    given["open"] = np.array([[1, 9], [2, 9], [3, 9], [4, 9]])[:, 0]
    bars = Bars("BTCUSDT", Timeframe.M1, **given)
    assert bars.open.dtype == np.float64
    assert bars.open.flags.c_contiguous
    assert bars.open.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert bars.timestamp.dtype == np.int64


def test_a_column_of_another_length_is_refused() -> None:
    given = columns(5) | {"volume": np.ones(4)}
    with pytest.raises(DataError, match="volume must have one value per bar"):
        Bars("BTCUSDT", Timeframe.M1, **given)


def test_length_is_the_number_of_bars(five_bars: Bars) -> None:
    assert len(five_bars) == 5


def test_a_slice_shares_memory(five_bars: Bars) -> None:
    part = five_bars.slice(1, 3)
    assert part.close.tolist() == [2.0, 3.0]
    assert np.shares_memory(part.close, five_bars.close)


def test_no_funding_has_no_settlements() -> None:
    assert len(NO_FUNDING.timestamp) == len(NO_FUNDING.rate) == 0
