from __future__ import annotations

from datetime import date

import pytest

from engine.dates import parse_date


def test_a_date_has_a_year_a_month_and_a_day() -> None:
    assert parse_date("2024-02-29") == date(2024, 2, 29)


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-29",
        "2024-13-01",
        "2024-W13-7",
        "20240331",
        "2024-3-31",
        "2024-03-31\n",
        "0000-01-01",
    ],
)
def test_other_spellings_and_days_that_never_were_are_no_dates(text: str) -> None:
    assert parse_date(text) is None
