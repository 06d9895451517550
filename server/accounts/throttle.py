"""Throttles: how often one account or address may do something, kept in memory.

Everything here forgets by itself within minutes, so nobody can lock somebody out for good.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable, Hashable

from cachetools import TTLCache

MAX_KEYS = 50_000


def block_of(address: str) -> str:
    """Whom an address belongs to: of IPv6 one customer holds at least a /64, all 2^64 of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))


class RateLimit:
    """A token bucket for each key: `per_minute` at once, refilled evenly."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        # A bucket that nobody touched for a minute is full, so it may be forgotten.
        self._buckets: TTLCache[Hashable, tuple[float, float]] = TTLCache(
            MAX_KEYS, 61.0, timer=clock
        )

    def take(self, key: Hashable) -> float:
        """0.0 when this request may pass, else the seconds until one may."""
        now = self._clock()
        with self._lock:
            left, since = self._buckets.get(key, (float(self.per_minute), now))
            left = min(float(self.per_minute), left + (now - since) * self.per_minute / 60.0)
            if left < 1.0:
                return (1.0 - left) * 60.0 / self.per_minute
            self._buckets[key] = (left - 1.0, now)
            return 0.0


class FailureLimit:
    """Counts failures of a key within `window_s` seconds and says when it has had enough."""

    def __init__(
        self, most: int, window_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.most = most
        self.window_s = window_s
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: TTLCache[Hashable, list[float]] = TTLCache(MAX_KEYS, window_s, timer=clock)

    def wait_s(self, key: Hashable) -> float:
        """Seconds until another try is allowed; 0.0 when it is now."""
        with self._lock:
            recent = self._recent(key)
            if len(recent) < self.most:
                return 0.0
            return max(0.0, recent[-self.most] + self.window_s - self._clock())

    def add(self, key: Hashable) -> None:
        with self._lock:
            self._failures[key] = [*self._recent(key), self._clock()][-self.most :]

    def clear(self, key: Hashable) -> None:
        with self._lock:
            self._failures.pop(key, None)

    def _recent(self, key: Hashable) -> list[float]:
        since = self._clock() - self.window_s
        return [moment for moment in self._failures.get(key, []) if moment > since]


class LoginThrottle:
    """Slows guessing of passwords down, per address and per account.

    The account's own limit does not bind an address from which its owner is signed in, and the
    pair's limit is counted apart: a stranger who fails on purpose stops only themselves.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.failures = 0  # since the start, for /metrics
        self._pair = FailureLimit(5, 300.0, clock)
        self._address = FailureLimit(30, 600.0, clock)
        self._account = FailureLimit(50, 900.0, clock)

    def wait_s(self, name: str, address: str, *, known: bool = False) -> float:
        """Seconds until this address may try this account again; 0.0 when it may now."""
        name, address = name.casefold(), block_of(address)
        waits = [self._pair.wait_s((name, address)), self._address.wait_s(address)]
        if not known:
            waits.append(self._account.wait_s(name))
        return max(waits)

    def failed(self, name: str, address: str) -> None:
        name, address = name.casefold(), block_of(address)
        self.failures += 1
        self._pair.add((name, address))
        self._address.add(address)
        self._account.add(name)

    def succeeded(self, name: str, address: str) -> None:
        self._pair.clear((name.casefold(), block_of(address)))
