"""Executors run jobs somewhere. Here: five methods, and the plain data that crosses.

The queue promises an executor nothing but to hand jobs over; an executor promises at least one
`Finished` for every job that it accepted and was not closed under. Which `Finished` counts is
the queue's to say, so that an executor on other machines may deliver twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from server.backtests.summary import RunSummary


@dataclass(frozen=True)
class Job:
    """One attempt at one run: whose it is, and the hash of what is to be run."""

    backtest_id: str
    attempt: int
    tenant: int
    payload_sha256: str


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: the row's new values, plain data all through."""

    status: Literal["completed", "failed", "cancelled"]
    finished_at_ms: int
    bars_done: int = 0
    bars: int = 0
    error: Mapping[str, Any] | None = None
    summary: RunSummary = field(default_factory=RunSummary)
    storage_bytes: int = 0
    cache_bytes: int = 0


@dataclass(frozen=True)
class Advanced:
    """So many bars are done, and the portfolio is worth so much; `line` where a bar is slow."""

    job: Job
    bars_done: int
    bars: int
    equity: float
    line: int | None = None


@dataclass(frozen=True)
class Finished:
    """The attempt ended and its files are in place; or it was given back (outcome None)."""

    job: Job
    outcome: Outcome | None


Event = Advanced | Finished


class Executor(Protocol):
    """Where jobs run."""

    def submit(self, job: Job) -> None:
        """Start the job; never called with no slot free."""

    def cancel(self, backtest_id: str) -> None:
        """Stop the run as soon as possible; unknown and ended ones are ignored."""

    def events(self, timeout_s: float) -> list[Event]:
        """What happened since the last call; waits up to `timeout_s` for the first."""

    def slots(self) -> int:
        """How many more jobs may be submitted now."""

    def close(self) -> None:
        """Stop everything; jobs still running come back with outcome None."""
