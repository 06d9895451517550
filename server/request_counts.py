"""Counts of answered requests, for /metrics."""

from __future__ import annotations

import threading
from collections import Counter

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class RequestCounts:
    """How many requests ended with each status, and how long they took."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.by_status: Counter[int] = Counter()
        self.buckets = [0] * (len(BUCKETS_S) + 1)
        self.total_s = 0.0

    def add(self, status: int, took_s: float) -> None:
        with self._lock:
            self.by_status[status] += 1
            self.total_s += took_s
            slot = next((i for i, most in enumerate(BUCKETS_S) if took_s <= most), len(BUCKETS_S))
            self.buckets[slot] += 1
