"""The closed vocabularies, and the one open one: the symbol."""

from __future__ import annotations

import pytest

from engine.enums import DAY_MS, Timeframe, check_symbol
from engine.errors import ValidationError


def test_timeframes_go_from_fine_to_coarse_and_divide_a_day() -> None:
    lengths = [timeframe.ms for timeframe in Timeframe]
    assert lengths == [60_000, 300_000, 900_000, 3_600_000, 14_400_000, 86_400_000]
    assert all(DAY_MS % length == 0 for length in lengths)


def test_an_hour_fits_a_day_24_times() -> None:
    assert Timeframe.H1.bars_per_day == 24


@pytest.mark.parametrize("symbol", ["BTCUSDT", "1000SHIBUSDT", "AB", "A" * 20])
def test_a_symbol_of_capitals_and_digits_is_taken(symbol: str) -> None:
    assert check_symbol(symbol) == symbol


@pytest.mark.parametrize("symbol", ["", "A", "A" * 21, "btcusdt", "BTC-USDT", "BTC/..", "BTC\n"])
def test_another_symbol_is_refused(symbol: str) -> None:
    with pytest.raises(ValidationError, match="2 to 20 capital letters and digits"):
        check_symbol(symbol)
