"""Sealed copies of bars, one for all runs that use them."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from engine.bars import Bars
from sandbox.crossing.sealed import sealed_bars


class BarsCache:
    """Sealed copies of bars by key, shared by all runs; least recently used out first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._fds: OrderedDict[str, int] = OrderedDict()

    @contextmanager
    def descriptor(self, bars: Bars) -> Iterator[int]:
        """A descriptor of the caller's own, so that an eviction meanwhile does no harm."""
        fd = self._duplicate(bars)
        try:
            yield fd
        finally:
            os.close(fd)

    def _duplicate(self, bars: Bars) -> int:
        if not bars.key:
            return sealed_bars(bars)
        with self._lock:
            known = self._fds.get(bars.key)
            if known is not None:
                self._fds.move_to_end(bars.key)
                return os.dup(known)
        fresh = sealed_bars(bars)
        with self._lock:
            if bars.key not in self._fds:
                self._fds[bars.key] = os.dup(fresh)
            self._evict()
        return fresh

    def _evict(self) -> None:
        sizes = {key: os.fstat(fd).st_size for key, fd in self._fds.items()}
        total = sum(sizes.values())
        for key in list(self._fds)[:-1]:
            if total <= self._max_bytes:
                return
            total -= sizes[key]
            os.close(self._fds.pop(key))

    def clear(self) -> None:
        with self._lock:
            for fd in self._fds.values():
                os.close(fd)
            self._fds.clear()
