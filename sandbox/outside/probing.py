"""A few attacks that the service makes on itself at start: asking a child, and judging it."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable
from typing import Any

from sandbox.job import RunError
from sandbox.outside.supervisor import Outcome


def failures(ask: Callable[[dict[str, Any]], Outcome | RunError]) -> list[str]:
    """What got through, in words; empty when the room holds. `ask` runs one probe child."""
    with tempfile.NamedTemporaryFile(prefix="sandtable-canary-") as canary:
        os.chmod(canary.name, 0o666)
        document = {"canary": canary.name, "parent": os.getpid(), "kind": "quiet"}
        quiet = ask(document)
    found = _judge_quiet(quiet)
    if isinstance(quiet, Outcome) and (quiet.received.layers or {}).get("seccomp"):
        found += _judge_loud(ask({**document, "kind": "loud"}))
    return found


def _judge_quiet(answer: Outcome | RunError) -> list[str]:
    if isinstance(answer, RunError):
        return [f"the probes could not be run: {answer.message}"]
    report = answer.received.report or {}
    opened = report.get("opened")
    if answer.end != "ended" or not answer.received.finished or not isinstance(opened, list):
        return ["the probes ended without an answer"]
    return [f"a child can {name}" for name in opened]


def _judge_loud(answer: Outcome | RunError) -> list[str]:
    if isinstance(answer, Outcome) and answer.signal == signal.SIGSYS:
        return []
    return ["a child can trace processes, or lives on after trying"]
