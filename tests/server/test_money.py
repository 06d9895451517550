"""Money is written with the digits that its account needs."""

from __future__ import annotations

import math

import pytest

from server.money import account_decimals, money_decimals


@pytest.mark.parametrize(
    ("capital", "decimals"),
    [
        (1_000_000.0, 2),
        (10_000.0, 2),
        (1_000.0, 2),
        (100.0, 2),  # 100.00
        (99.0, 3),  # 99.000
        (10.0, 3),  # 10.000
        (1.0, 4),  # 1.0000
        (0.05, 6),  # 0.050000
        (0.0001, 8),
        (0.00001, 8),  # would need 9: 0.000010000
    ],
)
def test_an_account_shows_about_five_digits_of_its_capital(capital, decimals):
    assert account_decimals(capital) == decimals


@pytest.mark.parametrize(
    ("value", "capital", "decimals"),
    [
        (1.0123, 1.0, 4),
        (-0.005035, 1.0, 6),
        (0.000035, 1.0, 8),  # 0.00003500
        (-0.00000049, 1.0, 8),
        (0.0, 1.0, 4),
        (0.05235, 999.0, 5),
        (0.05235, 1_000.0, 2),
        (0.000035, 10_000.0, 2),
        (math.nan, 1.0, 4),
    ],
)
def test_a_small_figure_of_a_small_account_shows_four_digits(value, capital, decimals):
    assert money_decimals(value, capital) == decimals


def test_a_capital_that_is_none_has_two_decimals():
    assert account_decimals(0.0) == account_decimals(math.nan) == 2
