"""The table of fields: each is described, its default keeps its own rule, and a bound is told."""

from __future__ import annotations

from dataclasses import fields

import pytest

from engine.config import FIELDS, BacktestConfig, ConfigLimits
from engine.config_fields import Field


def test_the_table_has_every_field_of_the_configuration_in_its_order() -> None:
    assert list(FIELDS) == [item.name for item in fields(BacktestConfig)]
    assert all(name == field.name for name, field in FIELDS.items())


def test_every_field_has_a_label_of_its_own_and_one_sentence() -> None:
    assert len({field.label for field in FIELDS.values()}) == len(FIELDS)
    assert all(field.help.endswith(".") for field in FIELDS.values())


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if not field.required])
def test_a_default_keeps_the_rule_of_its_field(name: str) -> None:
    assert list(FIELDS[name].complaints(FIELDS[name].default)) == []


def test_the_four_that_say_what_to_run_on_are_required() -> None:
    required = [name for name, field in FIELDS.items() if field.required]
    assert required == ["symbol", "timeframe", "start_date", "end_date"]


def test_an_open_bound_is_not_taken_and_said() -> None:
    rate = Field("Rate", "A rate.", 0.0, 0.5, low_open=True, name="rate", type=float)
    assert [item.message for item in rate.complaints(0.0)] == [
        "must be greater than 0 and at most 0.5; got 0"
    ]
    assert list(rate.complaints(0.5)) == []


def test_a_complaint_about_a_parameter_names_it_beside_its_message() -> None:
    (complaint,) = FIELDS["params"].complaints({"fast": None})
    assert (complaint.field, complaint.parameter) == ("params", "fast")
    assert str(complaint) == "fast: must be a number, true, false or a text"


def test_the_table_of_an_installation_has_its_bounds_and_defaults() -> None:
    table = ConfigLimits(max_leverage=20, maintenance_margin_rate=0.01).fields
    assert table["max_leverage"].high == 20
    assert table["maintenance_margin_rate"].default == 0.01
    assert FIELDS["max_leverage"].high == 100
