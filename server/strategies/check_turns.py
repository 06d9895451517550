"""Turns to have code checked: who waits holds a request thread, and others want pages meanwhile.

A stranger says how long a check takes, up to its limit. So of one account one is checked at a
time, accounts are served in turn, and a few of each may wait; a crowd must not take all threads.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from server.problems import TooMany, Unavailable

PLACES_OF_ONE = 8
# What an account may still have when few places are left: those are for who has none yet.
PLACES_OF_ONE_IN_A_CROWD = 2
CROWDED = 0.75


class Turns:
    """At most `at_once` turns at a time, one for each account, and `places` in all."""

    def __init__(self, at_once: int, places: int) -> None:
        self._at_once = at_once
        self._places = places
        self._changed = threading.Condition()
        self._running: dict[object, Hashable] = {}
        # The account whose turn is longest ago comes first; each has its tickets in order.
        self._waiting: OrderedDict[Hashable, deque[object]] = OrderedDict()
        self._present: Counter[Hashable] = Counter()

    @contextmanager
    def turn(self, owner: Hashable) -> Iterator[None]:
        """Wait for a turn. Raises TooMany or Unavailable where too many wait already."""
        ticket = object()
        with self._changed:
            self._take_place(owner)
            self._waiting.setdefault(owner, deque()).append(ticket)
            self._begin_next()
        try:
            with self._changed:
                self._changed.wait_for(lambda: ticket in self._running)
            yield
        finally:
            with self._changed:
                self._leave(owner, ticket)
                self._begin_next()

    def _take_place(self, owner: Hashable) -> None:
        total = self._present.total()
        crowded = total >= CROWDED * self._places
        most = PLACES_OF_ONE_IN_A_CROWD if crowded else PLACES_OF_ONE
        if self._present[owner] >= most:
            raise TooMany(
                f"{self._present[owner]} of your checks are under way; send the next after them.",
                retry_after_s=1,
                limit=most,
            )
        if total >= self._places:
            raise Unavailable("Too much code is being checked; try again in a moment.")
        self._present[owner] += 1

    def _begin_next(self) -> None:
        while len(self._running) < self._at_once:
            at_work = set(self._running.values())
            owner = next((one for one in self._waiting if one not in at_work), None)
            if owner is None:
                return
            tickets = self._waiting[owner]
            self._running[tickets.popleft()] = owner
            self._waiting.move_to_end(owner)
            if not tickets:
                del self._waiting[owner]
            self._changed.notify_all()

    def _leave(self, owner: Hashable, ticket: object) -> None:
        if self._running.pop(ticket, None) is None and ticket in self._waiting.get(owner, ()):
            self._waiting[owner].remove(ticket)
            if not self._waiting[owner]:
                del self._waiting[owner]
        self._present[owner] -= 1
        if not self._present[owner]:
            del self._present[owner]
