"""How many requests of one account are being answered at once, and how many streams it follows.

A place is held until the work for its request has ended. That is later than its sender's going
away: who hangs up must not be able to leave work behind and come back for more.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from server.problems import TooMany, Unavailable

MAX_STREAMS = 50
# People behind one address share it, and nobody signed in pays with a name.
STRANGERS_SHARE = 4
MAX_RETRY_S = 30


class InFlight:
    """Places for requests: `most` for each account, and for event streams MAX_STREAMS of each."""

    def __init__(
        self, most: int, proxied_most: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.most = most
        self._clock = clock
        self._proxied_most = proxied_most
        self._lock = threading.Lock()
        # When each of an account's requests began, the oldest first.
        self._requests: dict[Hashable, list[float]] = {}
        self._streams: dict[Hashable, list[float]] = {}
        self._proxied = 0

    @contextmanager
    def place(self, who: Hashable, *, signed_in: bool, stream: bool) -> Iterator[None]:
        """Hold a place while the request is answered. Raises TooMany when all are taken."""
        held = self._streams if stream else self._requests
        most = MAX_STREAMS if stream else self.most if signed_in else self.most * STRANGERS_SHARE
        began = self._clock()
        with self._lock:
            since = held.setdefault(who, [])
            if len(since) >= most:
                raise _full(most, stream, began - since[0])
            since.append(began)
        try:
            yield
        finally:
            with self._lock:
                since.remove(began)
                if not since:
                    del held[who]

    @contextmanager
    def proxied(self) -> Iterator[None]:
        """Count a request that a trusted proxy passes on. Raises Unavailable beyond the bound."""
        with self._lock:
            if self._proxied >= self._proxied_most:
                raise Unavailable(
                    f"{self._proxied_most:,} requests are under way, the most there may be; try"
                    " again in a moment.",
                    retry_after_s=1,
                )
            self._proxied += 1
        try:
            yield
        finally:
            with self._lock:
                self._proxied -= 1

    def streams(self) -> int:
        """Event streams that are open, of everybody."""
        with self._lock:
            return sum(map(len, self._streams.values()))


def _full(most: int, stream: bool, oldest_s: float) -> TooMany:
    """The refusal; who has had requests under way for long will have them for as long again."""
    if stream:
        return TooMany(
            f"You follow {most} backtests already; close one of the streams.",
            retry_after_s=10,
            limit=most,
            word="stream_quota",
        )
    return TooMany(
        f"{most} of your requests are under way, the most there may be; wait for one to end.",
        retry_after_s=min(MAX_RETRY_S, math.ceil(oldest_s)),
        limit=most,
    )
