"""Folds by the calendar, and how much of the promise was kept."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest

from engine.errors import ValidationError
from engine.research.walk_forward import Fold, efficiency, folds, folds_positive

YEAR = (date(2024, 1, 1), date(2024, 12, 31))


def days(*fold: Fold) -> list[str]:
    return [
        " ".join(
            f"{day:%m-%d}" for day in (one.train_start, one.train_end, one.test_start, one.test_end)
        )
        for one in fold
    ]


def test_the_folds_of_2024():
    assert days(*folds(*YEAR, train_days=180, test_days=60)) == [
        "01-01 06-28 06-29 08-27",
        "03-01 08-27 08-28 10-26",
        "04-30 10-26 10-27 12-25",
    ]


def test_anchored_folds_train_from_the_start():
    anchored = folds(*YEAR, train_days=180, test_days=60, anchored=True)
    assert {fold.train_start for fold in anchored} == {date(2024, 1, 1)}
    assert days(*anchored)[2] == "01-01 10-26 10-27 12-25"


def test_a_purge_lies_between_training_and_test():
    purged = folds(*YEAR, train_days=180, test_days=60, purge_days=5)
    assert days(*purged)[0] == "01-01 06-28 07-04 09-01"


def test_a_last_test_of_half_the_days_is_kept_and_a_shorter_one_is_not():
    start = date(2024, 1, 1)
    assert len(folds(start, date(2024, 1, 15), train_days=10, test_days=10)) == 1  # 5 of 10
    assert len(folds(start, date(2024, 1, 24), train_days=10, test_days=10)) == 1  # 10 and 4
    with pytest.raises(ValidationError, match=r"needs 15 days.*there are 14") as caught:
        folds(start, date(2024, 1, 14), train_days=10, test_days=10)
    assert list(caught.value.fields) == ["walk_forward"]


A = np.array([0.01, 0.02, -0.01, 0.01, 0.00, 0.01, -0.02, -0.01, 0.01, 0.02, -0.01, 0.00])
B = np.array([0.00, -0.01, 0.01, 0.00, 0.02, 0.01, 0.01, 0.02, -0.01, 0.00, 0.01, 0.02])


def test_the_efficiency_of_four_small_folds():
    # Chosen on four days, traded for two: A, then B three times.
    chosen = [A[0:4], B[2:6], B[4:8], B[6:10]]
    traded = np.concatenate([A[4:6], B[6:8], B[8:10], B[10:12]])
    assert math.prod(1 + traded) == pytest.approx(1.0612059088, abs=1e-10)
    assert efficiency(traded, chosen) == pytest.approx(0.7997307437, abs=1e-10)


def test_no_efficiency_where_nothing_was_promised_or_an_account_died():
    assert efficiency(A, [-np.abs(A)]) is None
    assert efficiency(np.array([0.01, -1.0]), [A]) is None
    assert efficiency(np.array([]), [A]) is None
    assert efficiency(A, []) is None


def test_the_share_of_folds_that_earned():
    assert folds_positive([0.01, 0.0, -0.01, 0.02]) == 0.5
    assert folds_positive([]) is None
