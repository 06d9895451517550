"""The semaphore that keeps the sum of budgets below the machine's memory."""

from __future__ import annotations

import threading

from sandbox.admission import OVERHEAD_MB, Admission, machine_memory_mb


def test_as_many_are_let_in_as_fit() -> None:
    admission = Admission(2 * (100 + OVERHEAD_MB))
    with admission.admitted(100) as first, admission.admitted(100) as second:
        assert first
        assert second
        with admission.admitted(100, lambda: True) as third:
            assert not third
    with admission.admitted(100, lambda: True) as again:
        assert again


def test_who_waits_is_let_in_when_there_is_room() -> None:
    admission = Admission(100 + OVERHEAD_MB)
    asked, inside = threading.Event(), threading.Event()

    def wait() -> None:
        with admission.admitted(100, lambda: bool(asked.set())) as admitted:
            assert admitted
            inside.set()

    with admission.admitted(100):
        thread = threading.Thread(target=wait)
        thread.start()
        assert asked.wait(10)
        assert not inside.is_set()
    thread.join(10)
    assert inside.is_set()


def test_one_larger_than_the_machine_runs_alone() -> None:
    admission = Admission(100)
    with admission.admitted(5000) as alone:
        assert alone
        with admission.admitted(1, lambda: True) as other:
            assert not other


def test_room_is_given_back_when_a_run_raises() -> None:
    admission = Admission(100)
    try:
        with admission.admitted(50):
            raise RuntimeError
    except RuntimeError:
        pass
    with admission.admitted(50, lambda: True) as admitted:
        assert admitted


def test_the_machine_has_memory() -> None:
    assert machine_memory_mb() > 100
    assert Admission.of_this_machine().capacity_mb < machine_memory_mb()
    assert Admission.of_this_machine(except_mb=10**9).capacity_mb == 1
