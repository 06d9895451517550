"""Clocks read in C show what they are told; each program is a process, for they cannot go back."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from sandbox.locks import kernel
from sandbox.runtime import borrowed_clock


def said(program: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.splitlines()


CAN_LEND = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "aarch64") or not borrowed_clock.functions_are_private(),
    reason="its linker's numbers are not known, or it shares functions for C with every child",
)


@CAN_LEND
def test_numpy_reads_the_clock_that_it_is_lent() -> None:
    program = """
import numpy as np
from sandbox.runtime import borrowed_clock
times = iter([0, 86_400, 1_704_067_200])
print(borrowed_clock.set_numpy(lambda: next(times)) > 0)
print(np.datetime64("now"), np.datetime64("today"), np.array(["now"], "M8[s]")[0])
"""
    assert said(program) == ["True", "1970-01-01T00:00:00 1970-01-02 2024-01-01T00:00:00"]


@CAN_LEND
def test_a_sealed_clock_leaves_no_memory_to_write_code_into_and_goes_on() -> None:
    program = """
import numpy as np
from sandbox.runtime import borrowed_clock; from sandbox.locks import kernel
borrowed_clock.set_numpy(lambda: 86_400)
borrowed_clock.seal()
print(kernel.has_writable_code(), np.datetime64("now"))
"""
    assert said(program) == ["False 1970-01-02T00:00:00"]


def test_the_interpreters_own_types_tell_the_moment_they_are_lent() -> None:
    program = """
from datetime import UTC, date, datetime, timedelta, timezone
from sandbox.runtime import borrowed_clock
class Own(datetime): pass
borrowed_clock.set_datetime(lambda: datetime(2024, 2, 29, 23, 30))
print(datetime.now(), datetime.utcnow(), datetime.today(), date.today())
print(datetime.now(UTC), datetime.now(tz=timezone(timedelta(hours=1))), type(Own.now()) is Own)
"""
    assert said(program) == [
        "2024-02-29 23:30:00 2024-02-29 23:30:00 2024-02-29 23:30:00 2024-02-29",
        "2024-02-29 23:30:00+00:00 2024-03-01 00:30:00+01:00 True",
    ]


def test_where_every_child_would_share_the_function_nothing_is_touched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(borrowed_clock.mmap, "mmap", refuse)
    assert not borrowed_clock.functions_are_private()
    with pytest.raises(OSError, match="shared with every child"):
        borrowed_clock.set_numpy(lambda: 0)


def test_on_a_processor_whose_linker_is_unknown_nothing_is_touched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kernel, "MACHINE", "sparc64")
    assert borrowed_clock.set_numpy(lambda: 0) == 0
