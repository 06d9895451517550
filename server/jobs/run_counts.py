"""Counts of ended runs since the worker started, for /metrics."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

BUCKETS_S = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)


class RunCounts:
    """How long runs took, and of what kind those were that failed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets = [0] * (len(BUCKETS_S) + 1)
        self._total_s = 0.0
        self._failures: Counter[str] = Counter()

    def add(self, took_s: float, failure: str | None) -> None:
        """Count a run that ended after `took_s`; `failure` is its error's kind."""
        slot = next((i for i, most in enumerate(BUCKETS_S) if took_s <= most), len(BUCKETS_S))
        with self._lock:
            self._buckets[slot] += 1
            self._total_s += took_s
            if failure is not None:
                self._failures[failure] += 1

    def document(self) -> dict[str, Any]:
        """`{buckets, total_s, failures}`: one more bucket than BUCKETS_S, for the longer ones."""
        with self._lock:
            return {
                "buckets": list(self._buckets),
                "total_s": self._total_s,
                "failures": dict(self._failures),
            }
