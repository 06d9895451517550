"""What crosses the door is frozen, plain data with safe defaults."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from engine.account.records import ORDER_DTYPE
from sandbox.job import CheckReport, Limits, Problem, Verdict


def test_a_report_without_problems_is_valid() -> None:
    assert CheckReport(class_name="Cross").valid


def test_a_report_with_a_problem_is_not_valid() -> None:
    assert not CheckReport(problems=(Problem(1, 1, "no"),)).valid


def test_a_verdict_claims_nothing_by_default() -> None:
    verdict = Verdict("failed")
    assert verdict.orders.dtype == ORDER_DTYPE
    assert (len(verdict.orders), verdict.bars_done, verdict.fills_digest) == (0, 0, b"")


def test_every_limit_is_set_by_default() -> None:
    limits = Limits()
    assert all(getattr(limits, field.name) > 0 for field in fields(Limits))


def test_limits_cannot_be_changed_afterwards() -> None:
    limits = Limits()
    with pytest.raises(FrozenInstanceError):
        limits.memory_mb = 10**6  # type: ignore[misc]
