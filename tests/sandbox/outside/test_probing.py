"""The probes at start, as judged: silent while the room holds, loud when a lock is open."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.client import Sandbox
from sandbox.crossing.wire import Received
from sandbox.job import RunError
from sandbox.outside import probing
from sandbox.outside.supervisor import Outcome


def answered(opened: Any, **fields: Any) -> Outcome:
    heard = Received(layers={"seccomp": True, "landlock": 7}, finished=True)
    heard.report = {"opened": opened}
    return Outcome("ended", heard, **fields)


def failures(quiet: Outcome | RunError, loud: Outcome | RunError) -> list[str]:
    return probing.failures(lambda document: loud if document["kind"] == "loud" else quiet)


KILLED = Outcome("ended", Received(), signal=31)


def test_a_room_that_holds_has_no_failures() -> None:
    assert failures(answered([]), KILLED) == []


def test_a_probe_that_succeeds_is_named() -> None:
    assert failures(answered(["read a file"]), KILLED) == ["a child can read a file"]


def test_a_tracer_that_lives_is_a_failure() -> None:
    assert len(failures(answered([]), answered([]))) == 1


@pytest.mark.parametrize(
    "quiet", [Outcome("timeout", Received()), RunError("internal", "no room"), answered(None)]
)
def test_no_answer_is_a_failure(quiet: Outcome | RunError) -> None:
    assert len(failures(quiet, KILLED)) == 1


def test_the_real_room_holds(sandbox: Sandbox) -> None:
    assert sandbox.probe() == []
