"""The steps of locking, in a process forked from here: each fails closed, in every level."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.child import lockdown
from sandbox.child.lockdown import Inside, Request, Room
from sandbox.child.user_ids import LAST_UID
from sandbox.crossing import wire
from sandbox.crossing.sealed import sealed_job
from sandbox.crossing.wire import LOCK_FAILED, TASK_FAILED, FrameReader
from sandbox.locks import kernel, landlock, rlimits, seccomp

MIB = 1024 * 1024
OWN_UID = LAST_UID if os.getuid() == 0 else None


def say_done(inside: Inside) -> None:
    os.write(1, b"done")


@dataclass
class Ended:
    exit_code: int
    layers: dict[str, Any] | None
    log: bytes


def lock(
    *,
    flags: int = wire.FLAG_SECCOMP | wire.FLAG_LANDLOCK,
    with_filter: bool = True,
    with_landlock: bool = True,
    uid: int | None = OWN_UID,
    job_fd: int | None = None,
) -> Ended:
    """Fork, lock, do the task `say`, and what came of it."""
    result_read, result_write = os.pipe()
    log_read, log_write = os.pipe()
    job = sealed_job({"task": "say"}) if job_fd is None else job_fd
    abi = landlock.abi() if with_landlock else 0
    ruleset = landlock.empty_ruleset(abi) if abi else None
    packed = (
        seccomp.pack(seccomp.build(kernel.MACHINE, lockdown.WRITE_FDS)) if with_filter else None
    )
    room = Room(abi, ruleset, packed, {"say": say_done})
    request = Request(1, 64 * MIB, 5, 2, 0.0, flags, -1, job, result_write, log_write, None)
    pid = os.fork()
    if pid == 0:
        lockdown.main(request, room, uid)
    for fd in (result_write, log_write, job, *([ruleset] if ruleset is not None else [])):
        os.close(fd)
    reader = FrameReader(0)
    with open(result_read, "rb") as result, open(log_read, "rb") as log:
        reader.feed(result.read())
        said = log.read()
    exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return Ended(exit_code, reader.received.layers, said)


def test_all_steps_end_in_hello_and_the_task() -> None:
    ended = lock()
    assert (ended.exit_code, ended.log) == (0, b"done")
    assert ended.layers is not None
    assert ended.layers["seccomp"] is True
    assert ended.layers["landlock"] == landlock.abi()
    assert ended.layers["own_uid"] == (OWN_UID is not None)


def refuse(*_: Any, **__: Any) -> None:
    raise OSError(1, "refused")


def pretend(*_: Any, **__: Any) -> None:
    """A step that claims to have been done."""


STEPS: dict[str, tuple[Any, str]] = {
    "signals": (lockdown, "_reset_signals"),
    "session": (os, "setsid"),
    "descriptors": (kernel, "close_all_but"),
    "inputs": (lockdown, "read_sealed"),
    "user id": (lockdown, "_drop_uid"),
    "capabilities": (kernel, "drop_capabilities"),
    "no new code": (lockdown, "_refuse_new_code"),
    "directory": (os, "chdir"),
    "landlock": (landlock, "apply"),
    "limits": (rlimits, "apply"),
    "seccomp": (seccomp, "apply"),
    "self-test": (lockdown, "_try_the_locks"),
}


@pytest.mark.parametrize("step", sorted(STEPS))
def test_a_step_that_fails_ends_the_child_before_hello(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, name = STEPS[step]
    monkeypatch.setattr(module, name, refuse)
    ended = lock()
    assert (ended.exit_code, ended.layers) == (LOCK_FAILED, None)
    if step not in ("signals", "session"):  # before there is a log, the server's own is used
        assert ended.log.startswith(f"lock failed at {step}: ".encode())


@pytest.mark.parametrize(
    ("option", "step"),
    [
        (kernel.PR_SET_DUMPABLE, b"not dumpable"),
        (kernel.PR_SET_PDEATHSIG, b"parent death"),
        (kernel.PR_SET_NO_NEW_PRIVS, b"no new privileges"),
        (kernel.PR_SET_MDWE, b"no new code"),
    ],
)
def test_a_process_attribute_that_is_refused_ends_the_child(
    option: int, step: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    prctl = kernel.prctl

    def all_but_one(asked: int, value: int = 0) -> int:
        if asked == option:
            raise OSError(1, "refused")
        return prctl(asked, value)

    monkeypatch.setattr(kernel, "prctl", all_but_one)
    ended = lock()
    assert (ended.exit_code, ended.layers) == (LOCK_FAILED, None)
    assert b"lock failed at " + step in ended.log


@pytest.mark.parametrize("step", ["seccomp", "limits"])
def test_a_step_that_only_pretends_is_found_by_the_self_test(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the filter a socket opens; without limits, and without the filter, a fork works."""
    monkeypatch.setattr(seccomp, "apply", pretend)
    if step == "limits":
        monkeypatch.setattr(rlimits, "apply", pretend)
    ended = lock()
    assert (ended.exit_code, ended.layers) == (LOCK_FAILED, None)
    assert b"self-test" in ended.log


def test_a_child_whose_server_died_meanwhile_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Iterator[int] = iter([100, 1])
    monkeypatch.setattr(os, "getppid", lambda: next(answers))
    assert lock().exit_code == LOCK_FAILED


def test_nothing_runs_as_root() -> None:
    if os.getuid() == 0:
        assert lock(uid=None).exit_code == LOCK_FAILED
        assert lock(uid=0).exit_code == LOCK_FAILED


def test_what_is_asked_for_and_missing_ends_the_child() -> None:
    assert lock(with_filter=False).exit_code == LOCK_FAILED
    assert lock(with_landlock=False).exit_code == LOCK_FAILED


def test_what_is_missing_and_not_asked_for_is_named_in_hello() -> None:
    ended = lock(flags=wire.FLAG_LANDLOCK, with_filter=False)
    assert ended.layers is not None
    assert (ended.exit_code, ended.layers["seccomp"]) == (0, False)
    ended = lock(flags=wire.FLAG_SECCOMP, with_landlock=False)
    assert ended.layers is not None
    assert (ended.exit_code, ended.layers["landlock"]) == (0, 0)
    ended = lock(flags=0, with_filter=False, with_landlock=False)
    assert ended.layers is not None
    assert (ended.exit_code, ended.layers["no_new_privs"]) == (0, True)


def test_a_lock_that_is_there_is_never_skipped_but_seccomp_on_request() -> None:
    ended = lock(flags=wire.FLAG_SECCOMP)
    assert ended.layers is not None
    assert ended.layers["landlock"] == landlock.abi()


def test_an_unknown_task_is_not_done() -> None:
    ended = lock(job_fd=sealed_job({"task": "native", "source": "print(1)"}))
    assert (ended.exit_code, ended.layers is not None) == (TASK_FAILED, True)
