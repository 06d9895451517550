"""The few calls that Python lacks, tried in processes of their own where they change something."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from sandbox.locks import kernel


def in_a_child(work: Callable[[], object]) -> int:
    """The exit code of a process that does `work`: its answer, or the error number of OSError."""
    pid = os.fork()
    if pid == 0:
        code = 255
        try:
            answer = work()
            code = answer if isinstance(answer, int) else 0
        except OSError as error:
            code = error.errno or 254
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_refused_call_is_an_error() -> None:
    with pytest.raises(OSError, match="prctl 9999"):
        kernel.prctl(9999)
    with pytest.raises(OSError, match="syscall 9999"):
        kernel.syscall(9999)


def test_closing_all_but_some_keeps_those() -> None:
    def work() -> int:
        kept = os.open("/", os.O_RDONLY)
        lost = os.open("/", os.O_RDONLY)
        kernel.close_all_but({kept})
        os.fstat(kept)
        try:
            os.fstat(lost)
        except OSError:
            return 42
        return 1

    assert in_a_child(work) == 42


def test_closing_works_on_kernels_that_cannot_close_ranges(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(*_: object) -> int:
        raise OSError(38, "no such call")

    monkeypatch.setattr(kernel, "syscall", absent)
    test_closing_all_but_some_keeps_those()


def test_capabilities_are_gone_when_dropped() -> None:
    def work() -> int:
        kernel.drop_capabilities()
        with open("/proc/self/status") as status:
            lines = dict(line.split(":\t", 1) for line in status if line.startswith("Cap"))
        held = [int(lines[name], 16) for name in ("CapEff", "CapPrm", "CapAmb")]
        return 42 if held == [0, 0, 0] else 1

    assert in_a_child(work) == 42


def test_the_address_space_is_measured() -> None:
    assert kernel.address_space_bytes() > 10_000_000


def test_threads_are_counted() -> None:
    assert kernel.thread_count() >= 1


def test_the_personality_is_only_read() -> None:
    assert kernel.personality() == kernel.personality()
