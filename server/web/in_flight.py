"""How many requests of one account are being answered at once, and how many streams it follows.

A place is held until the work for its request has ended. That is later than its sender's going
away: who hangs up must not be able to leave work behind and come back for more. Some more wait in
a queue for a while, which costs them a connection and no thread; who is refused is told when a
place may be free.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from server.problems import Problem, TooMany, Unavailable

MAX_STREAMS = 50
# People behind one address share it, and nobody signed in pays with a name.
STRANGERS_SHARE = 4
WAITING_SHARE = 2  # times as many may wait as may be answered
WAIT_S = 4.0
# What a request is taken to last of an account whose requests have not shown it yet.
UNKNOWN_S = 10.0
MAX_RETRY_S = 30


@dataclass(eq=False)
class _Account:
    """When each request in a place began, the oldest first; and who waits, the first to come first.

    A place that becomes free is handed to the first who waits: nobody overtakes.
    """

    begun: list[float] = field(default_factory=list)
    queue: deque[asyncio.Future[float]] = field(default_factory=deque)
    # What the last ones took, the newest counting most; of the time since it was last idle.
    usual_s: float | None = None


class InFlight:
    """Places for requests: `most` for each account, and for event streams MAX_STREAMS of each.

    All but `streams` belongs to the event loop.
    """

    def __init__(
        self,
        most: int,
        proxied_most: int,
        clock: Callable[[], float] = time.monotonic,
        wait_s: float = WAIT_S,
    ) -> None:
        self.most = most
        self._clock = clock
        self._wait_s = wait_s
        self._proxied_most = proxied_most
        self._requests: dict[Hashable, _Account] = {}
        self._streams: dict[Hashable, _Account] = {}
        self._proxied = 0

    @asynccontextmanager
    async def place(self, who: Hashable, *, signed_in: bool, stream: bool) -> AsyncIterator[None]:
        """Hold a place while the request is answered, once there is one.

        Raises TooMany when none becomes free in time, and at once where many wait already. Streams
        do not wait: they last.
        """
        accounts = self._streams if stream else self._requests
        most = MAX_STREAMS if stream else self.most if signed_in else self.most * STRANGERS_SHARE
        account = accounts.setdefault(who, _Account())
        if stream and len(account.begun) >= most:
            raise _too_many_streams()
        began = await self._begin(account, most)
        try:
            yield
        finally:
            account.begun.remove(began)
            took_s = self._clock() - began
            account.usual_s = (took_s + (account.usual_s or took_s)) / 2
            self._hand_over(account)
            if not account.begun:
                accounts.pop(who, None)

    async def _begin(self, account: _Account, most: int) -> float:
        """When the request got its place."""
        if len(account.begun) < most:
            account.begun.append(self._clock())
            return account.begun[-1]
        if len(account.queue) >= most * WAITING_SHARE:
            raise self._full(account, most)
        turn: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        account.queue.append(turn)
        try:
            return await asyncio.wait_for(turn, self._wait_s)
        except TimeoutError:
            raise self._full(account, most) from None
        finally:
            if turn in account.queue:
                account.queue.remove(turn)

    def _hand_over(self, account: _Account) -> None:
        """Give a place that became free to the first who still waits for one."""
        while account.queue:
            turn = account.queue.popleft()
            if not turn.done():
                account.begun.append(self._clock())
                turn.set_result(account.begun[-1])
                return

    def _full(self, account: _Account, most: int) -> Problem:
        """The refusal. Where requests take so long and so many wait, there will be a place for this
        one after all of them."""
        oldest_s = self._clock() - account.begun[0]
        each_s = max(oldest_s, UNKNOWN_S if account.usual_s is None else account.usual_s)
        after_s = each_s * (1 + len(account.queue) / most)
        return TooMany(
            f"{most} of your requests are under way, the most there may be; wait for one to end.",
            retry_after_s=min(MAX_RETRY_S, math.ceil(after_s)),
            limit=most,
        )

    @contextmanager
    def proxied(self) -> Iterator[None]:
        """Count a request that a trusted proxy passes on. Raises Unavailable beyond the bound."""
        if self._proxied >= self._proxied_most:
            raise Unavailable(
                f"{self._proxied_most:,} requests are under way, the most there may be; try again"
                " in a moment.",
                retry_after_s=1,
            )
        self._proxied += 1
        try:
            yield
        finally:
            self._proxied -= 1

    def streams(self) -> int:
        """Event streams that are open, of everybody. Other threads may ask."""
        return sum(len(account.begun) for account in list(self._streams.values()))


def _too_many_streams() -> Problem:
    return TooMany(
        f"You follow {MAX_STREAMS} backtests already; close one of the streams.",
        retry_after_s=10,
        limit=MAX_STREAMS,
        word="stream_quota",
    )
