from __future__ import annotations

import json

from server.backtests.summary import NO_LOOKAHEAD, RunSummary, error_document, read_summary


def test_a_summary_is_read_as_it_was_written() -> None:
    summary = RunSummary(
        metrics={"total_return": 1.5, "sharpe_ratio": None},
        lookahead={**NO_LOOKAHEAD, "mode": "sample", "passed": True},
        drawdowns=[{"depth_pct": -1.0}],
        monthly_returns=[],
        warnings=[],
        missing_locks=["seccomp"],
        open_position=-0.5,
        price_range=(90.0, 110.0),
        wall_s=1.25,
    )
    assert read_summary(summary.to_json()) == summary


def test_a_run_that_has_not_ended_has_nothing_to_say() -> None:
    assert read_summary(None) == RunSummary()
    assert RunSummary().rejected_orders == {"count": 0, "first": []}


def test_an_earlier_version_said_less_and_other_things() -> None:
    text = json.dumps({"lookahead": {"checked": True}, "gone": 1, "data_quality": None})
    summary = read_summary(text)
    assert summary.lookahead == {**NO_LOOKAHEAD, "checked": True}
    assert summary.open_position is None
    assert summary.data_quality == {}


def test_an_error_has_its_place_where_it_is_known() -> None:
    assert error_document("timeout", "too long") == {
        "kind": "timeout",
        "message": "too long",
        "line": None,
        "timestamp": None,
    }
