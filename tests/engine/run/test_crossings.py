"""A crossing is seen in the bar in which it happens, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from engine.run.crossings import crossover, crossunder

NAN = float("nan")


@pytest.mark.parametrize(
    ("a", "b", "over", "under"),
    [
        ([1.0, 3.0], [2.0, 2.0], True, False),
        ([3.0, 1.0], [2.0, 2.0], False, True),
        ([2.0, 3.0], [2.0, 2.0], True, False),  # it touched before
        ([1.0, 2.0], [2.0, 2.0], False, False),  # it touches now
        ([3.0, 4.0], [2.0, 2.0], False, False),
        ([9.0, 1.0, 3.0], 2, True, False),
        (2.0, [1.0, 3.0], False, True),
        (np.array([29.0, 31.0]), 30, True, False),
        (pd.Series([29.0, 31.0], index=[7, 8]), np.float64(30), True, False),
        ([3.0], [2.0, 2.0], False, False),
        ([], 1, False, False),
        ([NAN, 3.0], [2.0, 2.0], False, False),
        ([1.0, NAN], [2.0, 2.0], False, False),
        ([1.0, 3.0], NAN, False, False),
    ],
)
def test_the_last_value_lies_above_and_the_one_before_did_not(
    a: Any, b: Any, over: bool, under: bool
) -> None:
    assert (crossover(a, b), crossunder(a, b)) == (over, under)
    assert type(crossover(a, b)) is bool
