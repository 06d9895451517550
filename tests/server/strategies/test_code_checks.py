from __future__ import annotations

import threading
from typing import Any

import pytest

from sandbox.job import CHECK_CPU_S, CheckReport, Problem
from server.strategies.check_reports import report_document
from server.strategies.code_checks import CodeChecks

GOOD = {"report": report_document(CheckReport(class_name="A")), "cpu_s": 0.01}
ALICE, MALLORY = 1, 2


class Worker:
    """Answers checks as if each code took the processor time that it is called: `3 s`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def __call__(self, call: str, **fields: Any) -> Any:
        assert call == "check"
        source, cpu_s = fields["source"], fields["cpu_s"]
        self.asked.append((source, cpu_s))
        takes_s = float(source.split()[0])
        if takes_s > cpu_s:
            return {"report": None, "cpu_s": float(cpu_s)}
        return {"report": report_document(CheckReport(class_name=source)), "cpu_s": takes_s}


@pytest.fixture
def worker() -> Worker:
    return Worker()


def test_the_same_code_is_checked_once(worker: Worker) -> None:
    checks = CodeChecks(worker)
    for _ in range(2):
        with checks.checking(ALICE) as check:
            assert check("0.1 a") == check("0.1 a") == CheckReport(class_name="0.1 a")
    assert worker.asked == [("0.1 a", 1)]


def test_a_slow_check_has_its_turn_in_the_queue_of_the_slow(worker: Worker) -> None:
    with CodeChecks(worker).checking(ALICE) as check:
        assert check("3 s").valid
    assert worker.asked == [("3 s", 1), ("3 s", CHECK_CPU_S)]


def test_a_check_that_takes_too_long_is_a_problem_of_the_code(worker: Worker) -> None:
    checks = CodeChecks(worker)
    for _ in range(2):
        with checks.checking(ALICE) as check:
            (problem,) = check("60 s").problems
    assert "may take 8 s of processor time to check" in problem.message
    assert len(worker.asked) == 2


def test_all_codes_of_one_request_share_one_allowance(worker: Worker) -> None:
    with CodeChecks(worker).checking(MALLORY) as check:
        reports = [check(f"0.5 {number}") for number in range(20)]
    # Two in the first second, then sixteen in the eight that the slow have.
    assert [report.valid for report in reports] == [True] * 18 + [False] * 2
    slow = [8, 8, 7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert [cpu_s for _, cpu_s in worker.asked] == [1, 1, *slow]


def test_slow_checks_keep_nobody_waiting_who_is_not_slow() -> None:
    slow, go_on = threading.Event(), threading.Event()

    def worker(call: str, **fields: Any) -> Any:
        if fields["source"] != "slow":
            return GOOD
        if fields["cpu_s"] == 1:
            return {"report": None, "cpu_s": 1.0}
        slow.set()
        go_on.wait(10)
        return GOOD

    checks = CodeChecks(worker)

    def come(owner: int) -> None:
        with checks.checking(owner) as check:
            check("slow")

    threads = [threading.Thread(target=come, args=[owner]) for owner in range(10, 13)]
    for thread in threads:
        thread.start()
    assert slow.wait(10)
    with checks.checking(ALICE) as check:
        assert check("quick").valid
    go_on.set()
    for thread in threads:
        thread.join()


def test_a_comparison_has_a_turn_too() -> None:
    def worker(call: str, **fields: Any) -> Any:
        assert call == "diff"
        return None if fields["after"] == "far" else [[["replace", 0, 1, 0, 1]]]

    checks = CodeChecks(worker)
    assert checks.diff("a", "b", ALICE) == ((("replace", 0, 1, 0, 1),),)
    assert checks.diff("a", "far", ALICE) is None


def test_problems_come_across() -> None:
    bad = CheckReport(problems=(Problem(2, 1, "no", "try this", "SP1"),))
    checks = CodeChecks(lambda call, **_: {"report": report_document(bad), "cpu_s": 0.0})
    with checks.checking(ALICE) as check:
        assert check("x") == bad
