"""Counts of answered requests, for /metrics."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


@dataclass(frozen=True)
class Counts:
    """Requests by status, by time taken (one more than BUCKETS_S: the slower), and in all."""

    by_status: dict[int, int]
    buckets: tuple[int, ...]
    total_s: float


class RequestCounts:
    """How many requests ended with each status, and how long they took."""

    def __init__(self) -> None:
        # Asked for when the figures are read: the edge knows.
        self.open_streams: Callable[[], int] = int
        self._lock = threading.Lock()
        self._by_status: Counter[int] = Counter()
        self._buckets = [0] * (len(BUCKETS_S) + 1)
        self._total_s = 0.0

    def add(self, status: int, took_s: float) -> None:
        slot = next((i for i, most in enumerate(BUCKETS_S) if took_s <= most), len(BUCKETS_S))
        with self._lock:
            self._by_status[status] += 1
            self._total_s += took_s
            self._buckets[slot] += 1

    def snapshot(self) -> Counts:
        """The counts as they are now."""
        with self._lock:
            return Counts(dict(self._by_status), tuple(self._buckets), self._total_s)
