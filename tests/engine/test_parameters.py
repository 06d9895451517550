import math

import pytest

from engine.errors import ValidationError
from engine.parameters import fits
from engine.run.strategy import apply_params


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (1, "int", True),
        (1, "float", True),
        (1.5, "int", False),
        (True, "int", False),
        (True, "float", False),
        (True, "bool", True),
        ("a", "str", True),
        (math.inf, "float", False),
        (math.nan, "float", False),
        (None, "str", False),
    ],
)
def test_a_value_fits_a_parameter_of_its_type_when_it_is_finite(value, kind, expected):
    assert fits(value, kind) is expected


def test_the_engine_refuses_what_the_service_refuses():
    with pytest.raises(ValidationError, match="share: must be a number; got inf"):
        apply_params(None, {"share": 0.5}, {"share": math.inf})
