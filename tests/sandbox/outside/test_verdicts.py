"""From how a child ended to what is said; made up outcomes, so that hostile ones are cheap."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.account.records import ORDER_DTYPE
from sandbox.crossing.wire import TASK_FAILED, Received
from sandbox.job import Job, Limits
from sandbox.outside.supervisor import Outcome
from sandbox.outside.verdicts import clean, report_of, verdict_of

Make = Callable[..., Job]
LIMITS = Limits(wall_s=20, cpu_s=10, memory_mb=1024)


@pytest.fixture
def job(make_job: Make) -> Job:
    return make_job("", count=90, limits=LIMITS)


def received(**fields: Any) -> Received:
    return Received(**{"layers": {}, "bars_done": 90, "finished": True, **fields})


def ended(heard: Received | None = None, **fields: Any) -> Outcome:
    defaults: dict[str, Any] = {"exit_code": 0}
    return Outcome("ended", heard or received(), **{**defaults, **fields})


def kind_of(job: Job, outcome: Outcome) -> str | None:
    error = verdict_of(job, outcome).error
    return error.kind if error else None


def test_a_final_frame_and_a_clean_exit_are_success(job: Job) -> None:
    verdict = verdict_of(job, ended())
    assert (verdict.status, verdict.error, verdict.bars_done) == ("completed", None, 90)


def test_a_clean_exit_without_the_final_frame_is_a_crash(job: Job) -> None:
    assert kind_of(job, ended(received(finished=False, bars_done=3))) == "crashed"


def test_a_final_frame_without_a_clean_exit_is_a_crash(job: Job) -> None:
    assert kind_of(job, ended(exit_code=1)) == "crashed"
    assert kind_of(job, ended(exit_code=None, signal=signal.SIGSEGV)) == "crashed"


def test_success_before_the_last_bar_is_a_security_violation(job: Job) -> None:
    assert kind_of(job, ended(received(bars_done=89))) == "security_violation"


def test_no_hello_is_our_fault(job: Job) -> None:
    heard = Received()
    verdict = verdict_of(job, ended(heard, exit_code=98, log=b"lock failed at landlock: no"))
    assert verdict.error is not None
    assert verdict.error.kind == "internal"
    assert "landlock" in verdict.error.message


def test_a_failing_task_is_our_fault(job: Job) -> None:
    assert kind_of(job, ended(exit_code=TASK_FAILED)) == "internal"


def test_a_task_that_failed_after_it_told_its_end_keeps_that_end(job: Job) -> None:
    rows = np.zeros(5, ORDER_DTYPE)
    rows["bar"] = [0, 1, 2, 3, 4]
    heard = received(
        error={"kind": "memory_limit"},
        orders=[rows],
        n_orders=5,
        checkpoint=(3, 3),
        finished=False,
    )
    verdict = verdict_of(job, ended(heard, exit_code=TASK_FAILED))
    assert verdict.error is not None
    assert (verdict.error.kind, len(verdict.orders)) == ("memory_limit", 3)


@pytest.mark.parametrize(
    ("number", "cpu_s", "kind"),
    [
        (signal.SIGSYS, 0.0, "security_violation"),
        (signal.SIGXCPU, 10.0, "cpu_limit"),
        (signal.SIGKILL, 12.0, "cpu_limit"),
        (signal.SIGKILL, 1.0, "interrupted"),
        (signal.SIGSEGV, 1.0, "crashed"),
        (signal.SIGBUS, 1.0, "crashed"),
        (signal.SIGABRT, 1.0, "crashed"),
    ],
)
def test_each_signal_has_its_meaning(job: Job, number: int, cpu_s: float, kind: str) -> None:
    outcome = ended(received(finished=False), exit_code=None, signal=number, cpu_s=cpu_s)
    assert kind_of(job, outcome) == kind


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ("timeout", "timeout"),
        ("output_limit", "output_limit"),
        ("malformed", "security_violation"),
        ("server_lost", "interrupted"),
        ("not_started", "internal"),
    ],
)
def test_what_the_supervisor_ended_is_named_by_it(job: Job, end: Any, kind: str) -> None:
    claim = {"kind": "strategy_error", "message": "something else"}
    outcome = Outcome(end, received(error=claim, finished=False), signal=9)
    assert kind_of(job, outcome) == kind


def test_a_cancelled_run_has_no_error(job: Job) -> None:
    verdict = verdict_of(job, Outcome("cancelled", received(finished=False), signal=9))
    assert (verdict.status, verdict.error) == ("cancelled", None)


def test_a_limit_names_the_amount_the_bar_its_time_and_the_line(job: Job) -> None:
    claim = {"kind": "memory_limit", "place": "on_data", "line": 31}
    verdict = verdict_of(job, ended(received(bars_done=47, error=claim)))
    assert verdict.error is not None
    assert verdict.error.message == (
        "stopped: used 1,024 MB of memory (the limit) at bar 48 of 90 (2023-01-01 00:47), "
        "in on_data, line 31"
    )
    assert (verdict.error.line, verdict.error.timestamp) == (31, int(job.bars.timestamp[47]))


def test_a_limit_says_what_is_known_when_the_line_is_not(job: Job) -> None:
    outcome = Outcome("timeout", received(bars_done=5, finished=False), signal=9)
    verdict = verdict_of(job, outcome)
    assert verdict.error is not None
    assert verdict.error.message == (
        "stopped: ran for 20 s (the limit) at bar 6 of 90 (2023-01-01 00:05)"
    )


@pytest.mark.parametrize("kind", ["internal", "interrupted", "security_violation", "x", 7, None])
def test_a_child_cannot_claim_what_it_cannot_know(job: Job, kind: Any) -> None:
    outcome = ended(received(error={"kind": kind}))
    assert kind_of(job, outcome) == "security_violation"


@pytest.mark.parametrize(
    "claim",
    [
        {"message": 3},
        {"line": "3"},
        {"line": True},
        {"line": -1},
        {"line": 10**9},
        {"exception": []},
    ],
)
def test_a_claim_of_another_shape_is_a_security_violation(job: Job, claim: dict) -> None:
    outcome = ended(received(error={"kind": "strategy_error", **claim}))
    assert kind_of(job, outcome) == "security_violation"


def test_nothing_is_kept_of_a_child_that_forged(job: Job) -> None:
    rows = np.zeros(3, ORDER_DTYPE)
    heard = received(orders=[rows], n_orders=3, error={"kind": "internal"})
    verdict = verdict_of(job, ended(heard, log=b"words"))
    assert (len(verdict.orders), verdict.log) == (0, b"words")


def test_a_run_that_was_cut_off_keeps_its_orders_up_to_the_checkpoint(job: Job) -> None:
    rows = np.zeros(5, ORDER_DTYPE)
    rows["bar"] = [0, 1, 2, 3, 4]
    heard = received(orders=[rows], n_orders=5, checkpoint=(3, 3), bars_done=5, finished=False)
    verdict = verdict_of(job, Outcome("timeout", heard, signal=9))
    assert (list(verdict.orders["bar"]), verdict.bars_done) == ([0, 1, 2], 3)


def test_texts_can_be_stored_sent_and_shown() -> None:
    assert clean("fine\n\ttext é 😀") == "fine\n\ttext é 😀"
    assert clean("\ud800") == "?"
    assert clean("\x1b[31m\x00\u202e") == "�[31m��"
    assert len(clean("x" * 5000)) == 2000


def test_a_report_is_read() -> None:
    answer = {
        "problems": [{"line": 2, "column": 3, "message": "no", "code": "SP1", "hint": None}],
        "parameters": [{"name": "fast", "type": "int", "default": 3}],
        "class_name": "A",
        "remarks": [{"line": 5, "column": 9, "message": "odd", "code": "SP300", "hint": "eh?"}],
    }
    report = report_of(LIMITS, ended(received(report=answer, bars_done=0)))
    assert [(item.line, item.hint) for item in report.remarks] == [(5, "eh?")]
    assert (report.class_name, report.parameters[0].default) == ("A", 3)
    assert (report.problems[0].line, report.problems[0].hint) == (2, None)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"problems": [], "parameters": [3]},
        {"problems": [3], "parameters": []},
        {"problems": {}, "parameters": []},
        {"problems": [], "parameters": [{"name": "a", "type": "int", "default": 1.5}]},
        {"problems": [], "parameters": [{"name": "a", "type": "list", "default": []}]},
        {"problems": [], "parameters": [{"name": 3, "type": "int", "default": 1}]},
        {"problems": [{"line": [], "message": ""}], "parameters": []},
        {"problems": [], "parameters": []},
        {"problems": [], "parameters": [], "remarks": [{"line": {}, "message": ""}]},
    ],
)
def test_a_forged_report_is_a_problem(answer: dict) -> None:
    report = report_of(LIMITS, ended(received(report=answer, bars_done=0)))
    assert [problem.code for problem in report.problems] == ["SP001"]
