"""Plain programs in the room: what comes back of them, and who can send them there."""

from __future__ import annotations

import time

import pytest

from sandbox.child import tasks
from tests.sandbox.native import NativeOutcome, run_native

MODULES = ("ctypes",)


def run(source: str, *, wall_s: float = 5.0, cpu_s: int = 2, log: int = 4096) -> NativeOutcome:
    return run_native(
        source, wall_s=wall_s, cpu_s=cpu_s, memory_mb=64, max_log_bytes=log, preload=MODULES
    )


def test_both_streams_come_back() -> None:
    outcome = run("import sys\nprint('out')\nprint('err', file=sys.stderr)")
    assert outcome.stdout == "out\nerr\n"
    assert (outcome.exit_code, outcome.signal, outcome.reason) == (0, None, None)
    assert outcome.max_rss_kb > 0


def test_the_exit_code_comes_back() -> None:
    assert run("raise SystemExit(3)").exit_code == 3
    assert run("raise SystemExit").exit_code == 0
    assert run("raise SystemExit('no')").exit_code == 1


def test_an_exception_is_shown_and_is_exit_code_1() -> None:
    outcome = run("1 / 0")
    assert outcome.exit_code == 1
    assert "ZeroDivisionError" in outcome.stdout


def test_a_fault_in_native_code_is_a_signal() -> None:
    outcome = run("import ctypes\nctypes.string_at(8)")
    assert (outcome.exit_code, outcome.signal, outcome.reason) == (None, 11, None)


def test_what_was_printed_before_a_fault_is_kept() -> None:
    assert run("print('before')\nimport ctypes\nctypes.string_at(8)").stdout == "before\n"


def test_the_wall_limit_ends_a_program_that_waits() -> None:
    began = time.monotonic()
    outcome = run("import time\ntime.sleep(60)", wall_s=0.3)
    assert (outcome.signal, outcome.reason) == (9, "timeout")
    assert 0.3 <= outcome.wall_s <= time.monotonic() - began


def test_the_processor_limit_ends_a_program_that_computes() -> None:
    assert run("while True: pass", wall_s=30, cpu_s=1).reason == "cpu_limit"


def test_the_log_is_cut_and_a_flood_of_it_ends_the_program() -> None:
    outcome = run("while True: print('x' * 100)", log=1000)
    assert (len(outcome.stdout), outcome.reason) == (1000, "output_limit")


def test_memory_is_refused_beyond_the_budget() -> None:
    outcome = run("try:\n    bytearray(1 << 27)\nexcept MemoryError:\n    print('refused')")
    assert outcome.stdout == "refused\n"
    assert run("print(len(bytearray(1 << 25)))").stdout == f"{1 << 25}\n"


def test_a_forbidden_call_is_a_security_violation() -> None:
    outcome = run("import ctypes\nctypes.CDLL(None).ptrace(0, 0, 0, 0)")
    assert (outcome.signal, outcome.reason) == (31, "security_violation")


def test_modules_that_are_preloaded_are_there_and_no_others() -> None:
    assert run("import ctypes\nprint(1)").stdout == "1\n"
    assert "Error" in run("import antigravity").stdout


def test_the_tasks_of_the_service_do_not_hold_the_native_one() -> None:
    assert sorted(tasks.TASKS) == ["check", "diff", "probe", "run"]


@pytest.mark.parametrize("text", ["", "pass", "# only a comment"])
def test_a_program_that_does_nothing_ends_well(text: str) -> None:
    assert run(text).exit_code == 0
