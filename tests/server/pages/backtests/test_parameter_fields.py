import pytest

from sandbox.job import CheckReport, Parameter, Problem
from server.pages.backtests.form import errors_of
from server.pages.backtests.parameter_fields import (
    carried,
    follow_code,
    overrides,
    parameter_fields,
    unseen,
)


def report(default: object = 10.0, kind: str = "float") -> CheckReport:
    return CheckReport(parameters=(Parameter("percent", kind, default),), class_name="A")


def sent(value: str, shown: str) -> dict[str, str]:
    return {"param.percent": value, "param.percent.default": shown}


def used(values: dict[str, str], code: CheckReport) -> dict[str, object]:
    return overrides(follow_code(values, code), code)


def test_a_field_that_nobody_touched_follows_the_code():
    # It was rendered with 95.0 and still says so; the code now says 10.0.
    assert used(sent("95.0", "95.0"), report(10.0)) == {}
    (field,) = parameter_fields(follow_code(sent("95.0", "95.0"), report()), report())
    assert (field.value, field.overrides) == ("10.0", False)


def test_a_field_that_was_touched_keeps_its_value_beside_the_codes():
    assert used(sent("50", "95.0"), report(10.0)) == {"percent": 50.0}
    (field,) = parameter_fields(follow_code(sent("50", "95.0"), report()), report())
    assert (field.value_shown, field.default_shown, field.overrides) == ("50", "10.0", True)


def test_a_touched_field_waits_until_both_values_were_seen():
    # As when a file is uploaded with a touched field: the form showed another default.
    def complaints(values: dict[str, str]) -> dict[str, list[str]]:
        return errors_of(unseen(values, report(10.0)))

    assert complaints(sent("50", "95.0")) == {
        "param.percent": ["the code now says 10.0, this field 50; run again to use 50"]
    }
    assert complaints(sent("50", "10.0")) == {}
    assert complaints(sent("95.0", "95.0")) == {}  # follows the code
    assert complaints(sent("10", "95.0")) == {}  # says what the code says
    assert complaints({"param.percent": "50"}) == {}  # a script's form


@pytest.mark.parametrize(
    ("kind", "before", "now"),
    [("int", "20", 50), ("bool", "true", False), ("str", "a", "b\nc"), ("float", "1e-07", 2e-9)],
)
def test_fields_of_every_type_follow(kind: str, before: str, now: object):
    assert used(sent(before, before), report(now, kind)) == {}


def test_a_default_with_a_line_break_is_no_override():
    # A text field shows and sends it without the break; the hidden one keeps it.
    code = report("a\nb", "str")
    assert used(sent("ab", "a\r\nb"), code) == {}
    assert used(sent("ab", "ab"), code) == {}


def test_another_spelling_of_the_codes_number_is_no_override():
    assert used(sent("10", "95.0"), report(10.0)) == {}
    assert used(sent("1e1", "95.0"), report(10.0)) == {}
    assert used(sent("1", "0"), report(True, "bool")) == {"percent": False}


def test_fields_are_carried_while_the_code_does_not_compile():
    broken = CheckReport(problems=(Problem(1, 1, "no", "", "X"),))
    values = sent("50", "95.0") | {"param.<x>": "1", "name": "n"}
    assert carried(follow_code(values, broken), broken) == sent("50", "95.0")
    assert carried(values, None) == sent("50", "95.0")
    assert carried(values, report()) == {}


def test_a_field_whose_parameter_left_the_code_is_dropped():
    assert follow_code({"param.gone": "3", "name": "n"}, report()) == {"name": "n"}
