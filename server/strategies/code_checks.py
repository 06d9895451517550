"""Checks of code, and comparisons: who is next, for how long, and what is known already.

Nearly every check takes some hundredths of a second. One that takes more than a second of
processor time goes to the end of a queue of its own, where few are served at once: what is slow
by intent makes others wait that are slow too, and nobody else. All that one request wants checked
counts as one: a batch has the time that a single file has.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from cachetools import LRUCache

from sandbox.crossing.differences import Group
from sandbox.job import (
    CHECK_CPU_S,
    CONCURRENT_CHECKS,
    CONCURRENT_SLOW_CHECKS,
    CheckReport,
    Problem,
)
from server.storage.texts import content_hash
from server.strategies.check_reports import report_from
from server.strategies.check_turns import Turns

KEPT_REPORTS = 512
ORDINARY_CPU_S = 1
PLACES = 40
SLOW_PLACES = 32
# The worker's answer to a call with these fields. Raises Unavailable.
Ask = Callable[..., Any]
Check = Callable[[str], CheckReport]


class CodeChecks:
    """Gives turns, asks the worker, and remembers the last answers. Thread-safe."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._reports: LRUCache[str, CheckReport] = LRUCache(KEPT_REPORTS)
        self._ordinary = Turns(CONCURRENT_CHECKS, PLACES)
        self._slow = Turns(CONCURRENT_SLOW_CHECKS, SLOW_PLACES)

    @contextmanager
    def checking(self, owner: int) -> Iterator[Check]:
        """What checks the codes of one request of the account's; the same code only once.

        Its calls raise Unavailable, and TooMany when the account has too many checks waiting.
        """
        with ExitStack() as turn:
            yield _Checking(self, owner, turn).check

    def diff(self, before: str, after: str, owner: int) -> tuple[Group, ...] | None:
        """What changed from one text to the other; None where that takes too long to find out.

        Raises as a check does.
        """
        with self._ordinary.turn(owner):
            groups = self._ask("diff", before=before, after=after)
        if groups is None:
            return None
        return tuple(tuple((b[0], b[1], b[2], b[3], b[4]) for b in group) for group in groups)

    def known(self, source: str) -> CheckReport | None:
        with self._lock:
            return self._reports.get(content_hash(source))

    def ask(self, source: str, cpu_s: int) -> tuple[CheckReport | None, float]:
        """The report, None when it came to the limit, and the processor time that it took."""
        answer: Mapping[str, Any] = self._ask("check", source=source, cpu_s=cpu_s)
        if answer["report"] is not None:
            report = report_from(answer["report"])
        elif cpu_s >= CHECK_CPU_S:
            report = _too_long()
        else:
            return None, float(answer["cpu_s"])
        with self._lock:
            self._reports[content_hash(source)] = report
        return report, float(answer["cpu_s"])

    def ordinary_turn(self, owner: int) -> Any:
        return self._ordinary.turn(owner)

    def slow_turn(self, owner: int) -> Any:
        return self._slow.turn(owner)


class _Checking:
    """One request's checks: begun in the ordinary queue, moved to the slow one in time."""

    def __init__(self, checks: CodeChecks, owner: int, turn: ExitStack) -> None:
        self._checks = checks
        self._owner = owner
        self._turn = turn
        self._queue = ""
        self._left_s = 0.0

    def check(self, source: str) -> CheckReport:
        known = self._checks.known(source)
        if known is not None:
            return known
        if not self._queue:
            self._enter("ordinary", ORDINARY_CPU_S)
        report = self._within_the_time(source)
        if report is None and self._queue == "ordinary":
            self._enter("slow", CHECK_CPU_S)
            report = self._within_the_time(source)
        return report or _too_long()

    def _enter(self, queue: str, cpu_s: float) -> None:
        self._turn.close()
        turns = self._checks.ordinary_turn if queue == "ordinary" else self._checks.slow_turn
        self._turn.enter_context(turns(self._owner))
        self._queue, self._left_s = queue, cpu_s

    def _within_the_time(self, source: str) -> CheckReport | None:
        """The report, or None when the request's time in this queue is used up."""
        known = self._checks.known(source)  # another request of theirs may have been first
        if known is not None or self._left_s <= 0:
            return known
        report, cpu_s = self._checks.ask(source, math.ceil(self._left_s))
        self._left_s -= cpu_s if report is not None else math.ceil(self._left_s)
        return report


def _too_long() -> CheckReport:
    message = (
        f"this code could not be checked: the code of one request may take {CHECK_CPU_S} s of"
        " processor time to check"
    )
    hint = "make it shorter, or send fewer different strategies at once"
    return CheckReport((Problem(1, 1, message, hint, code="SP001"),))
