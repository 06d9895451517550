import math

import pytest

from server.pages.parts import formats


def test_a_loss_has_a_true_minus_sign_and_grouped_thousands():
    assert formats.number(-1234567.891) == "−1,234,567.89"


def test_a_gain_and_a_loss_differ_by_a_sign():
    assert formats.signed(3.456) == "+3.46"
    assert formats.signed(-3.456) == "−3.46"


def test_what_rounds_to_zero_has_no_sign():
    assert formats.signed(-0.001) == "0.00"
    assert formats.signed(0.001) == "0.00"


@pytest.mark.parametrize("undefined", [None, math.nan, math.inf])
def test_an_undefined_figure_is_a_dash(undefined):
    for write in (formats.number, formats.signed, formats.percent, formats.price, formats.quantity):
        assert write(undefined) == "–"


def test_a_price_has_about_six_significant_digits():
    assert formats.price(42_123.456) == "42,123.46"
    assert formats.price(1.234567) == "1.23457"
    assert formats.price(0.0001234567) == "0.000123457"


def test_a_quantity_has_no_trailing_zeros():
    assert formats.quantity(0.5) == "0.5"
    assert formats.quantity(1200.0) == "1,200"
    assert formats.quantity(-0.00001) == "−0.00001"


def test_milliseconds_are_written_in_utc():
    # 1,704,067,200 s is 2024-01-01 00:00 UTC; 90 minutes later:
    assert formats.moment(1_704_067_200_000 + 5_400_000) == "2024-01-01 01:30"
    assert formats.iso(1_704_067_200_000) == "2024-01-01T00:00:00Z"
    assert formats.day(1_704_067_200_000) == "2024-01-01"


def test_an_iso_text_with_an_offset_is_brought_to_utc():
    assert formats.moment("2024-01-01T02:00:00+02:00") == "2024-01-01 00:00"


def test_a_forecast_has_no_false_digits():
    assert formats.roughly(0.453) == "a second"
    assert formats.roughly(3.14) == "3 s"
    assert formats.roughly(59.6) == "1 min 0 s"
    assert formats.roughly(3725.9) == "1 h 2 min"


def test_a_duration_shows_its_two_largest_units():
    assert formats.duration(0.25) == "250 ms"
    assert formats.duration(12.34) == "12.3 s"
    assert formats.duration(3 * 3600 + 125) == "3 h 2 min"


def test_a_size_is_in_binary_units():
    assert formats.size(1536) == "1.5 KiB"
    assert formats.size(12) == "12 B"


def test_one_run_and_two_runs():
    assert formats.plural(1, "run") == "1 run"
    assert formats.plural(1200, "run") == "1,200 runs"


def test_money_has_the_digits_of_its_account():
    assert formats.money(10_000.0, 10_000.0) == "10,000.00"
    assert formats.money(1.00687, 1.0) == "1.0069"
    assert formats.signed_money(-0.005035, 1.0) == "−0.005035"
    assert formats.signed_money(-0.00000049, 1.0) == "−0.00000049"
    assert formats.money(None, 1.0) == "–"
