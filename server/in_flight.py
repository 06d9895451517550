"""How many requests of one account are being answered at once, and how many streams it follows.

A place is held until the work for its request has ended. That is later than its sender's going
away: who hangs up must not be able to leave work behind and come back for more.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from server.problems import TooMany, Unavailable

MAX_STREAMS = 50
# People behind one address share it, and nobody signed in pays with a name.
STRANGERS_SHARE = 4


class InFlight:
    """Places for requests: `most` for each account, and for event streams MAX_STREAMS of each."""

    def __init__(self, most: int, proxied_most: int) -> None:
        self.most = most
        self._proxied_most = proxied_most
        self._lock = threading.Lock()
        self._requests: Counter[Hashable] = Counter()
        self._streams: Counter[Hashable] = Counter()
        self._proxied = 0

    @contextmanager
    def place(self, who: Hashable, *, signed_in: bool, stream: bool) -> Iterator[None]:
        """Hold a place while the request is answered. Raises TooMany when all are taken."""
        held = self._streams if stream else self._requests
        most = MAX_STREAMS if stream else self.most if signed_in else self.most * STRANGERS_SHARE
        with self._lock:
            if held[who] >= most:
                raise _full(most, stream)
            held[who] += 1
        try:
            yield
        finally:
            with self._lock:
                held[who] -= 1
                if not held[who]:
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
            return self._streams.total()


def _full(most: int, stream: bool) -> TooMany:
    if stream:
        return TooMany(
            f"You follow {most} backtests already; close one of the streams.",
            retry_after_s=10,
            word="stream_quota",
        )
    return TooMany(
        f"{most} of your requests are under way, the most there may be; wait for one to end.",
        retry_after_s=1,
    )
