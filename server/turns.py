"""Turns to have code checked: who waits holds a request thread, and others want pages meanwhile.

A stranger says how long a check takes, up to its limit. So of one account one is checked at a
time, and a few may wait; a crowd at the door must not take all threads.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from server.problems import TooMany, Unavailable

PLACES = 24
PLACES_OF_ONE = 8


class Turns:
    """At most `at_once` turns at a time, one for each account."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._changed = threading.Condition()
        self._running: set[Hashable] = set()
        self._present: Counter[Hashable] = Counter()

    @contextmanager
    def turn(self, owner: Hashable) -> Iterator[None]:
        """Wait for a turn. Raises TooMany or Unavailable where too many wait already."""
        with self._changed:
            if self._present[owner] >= PLACES_OF_ONE:
                raise TooMany(
                    f"{PLACES_OF_ONE} of your checks are under way; send the next after them.",
                    retry_after_s=1,
                )
            if self._present.total() >= PLACES:
                raise Unavailable("Too much code is being checked; try again in a moment.")
            self._present[owner] += 1
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._is_free(owner))
                self._running.add(owner)
            try:
                yield
            finally:
                with self._changed:
                    self._running.remove(owner)
                    self._changed.notify_all()
        finally:
            with self._changed:
                self._present[owner] -= 1
                if not self._present[owner]:
                    del self._present[owner]

    def _is_free(self, owner: Hashable) -> bool:
        return owner not in self._running and len(self._running) < self._at_once
