"""The account's records keep to numbers that are exact."""

import pytest

from engine.account.broker import check_numbers
from engine.errors import CalculationError


def test_numbers_that_are_no_longer_exact_are_a_calculation_error():
    check_numbers(cash=2.0**53 - 1)
    for number in (2.0**53, float("nan"), float("-inf")):
        with pytest.raises(CalculationError, match="cash became"):
            check_numbers(cash=number)
