"""Connections: how many there may be, and how long one may let the service wait.

Whoever connects and says nothing, or says it a byte at a time, costs a descriptor for as long as
they like; some thousand of them are all that the process has. So a request's head, its body and
the reading of its answer each have a deadline. When all places are taken, whoever has kept the
service waiting longest makes room for the next.

uvicorn ends idle connections after an answer, and has no deadline for what comes before one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from server.accounts.throttle import block_of
from server.settings import IPNetwork
from server.web.proxies import is_trusted

log = logging.getLogger(__name__)

HEAD_S = 10.0  # from the connection, or the last answer, to the end of the next request's head
# A body has this long, and a second more for each so many bytes of it that have come.
BODY_S = 30.0
BODY_BYTES_PER_S = 10_000
UNREAD_S = 60.0  # an answer of which nothing is taken for this long is given up
LOOK_EVERY_S = 1.0
# What the process needs beside connections: the database (three for each thread), files, pipes.
OTHER_DESCRIPTORS = 400
COMPLAIN_EVERY_S = 60.0


class Connection(H11Protocol):
    """One connection, which knows since when it has been waiting for its client."""

    def __init__(self, connections: Connections, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._all = connections
        self._refused = False
        self.head_since: float | None = self.loop.time()
        self.body_since = 0.0
        self.body_bytes = 0
        self.unread_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if not self._all.admit(self):
            self._refused = True
            transport.write(_NO_PLACE)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self.answering:
            self.body_bytes += len(data)
        super().data_received(data)
        if self.head_since is not None and self.answering:
            self.head_since = None
            self.body_since, self.body_bytes = self.loop.time(), len(data)

    def on_response_complete(self) -> None:
        self.head_since = self.loop.time()
        super().on_response_complete()
        if self.answering:  # the next request had come already
            self.head_since = None
            self.body_since, self.body_bytes = self.loop.time(), 0

    def pause_writing(self) -> None:
        super().pause_writing()
        self.unread_since = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.unread_since = None

    @property
    def answering(self) -> bool:
        """Whether a request's head is here and its answer is not yet complete."""
        return self.cycle is not None and not self.cycle.response_complete

    def waiting_since(self) -> float | None:
        """When the wait for the client began; None while it waits for us."""
        if self.head_since is not None:
            return self.head_since
        if self.unread_since is not None:
            return self.unread_since
        if self.answering and self.cycle.more_body and not self.flow.read_paused:
            return self.body_since
        return None

    def overdue(self, now: float) -> bool:
        """Whether the client has let us wait too long."""
        if self.head_since is not None:
            return now - self.head_since > HEAD_S
        if self.unread_since is not None:
            return now - self.unread_since > UNREAD_S
        if self.waiting_since() is None:
            return False
        return now - self.body_since > BODY_S + self.body_bytes / BODY_BYTES_PER_S

    def end(self) -> None:
        """Close at once, whatever is not yet sent."""
        self.transport.abort()


class Connections:
    """Every open connection; touched on the event loop alone.

    At most `most` of them, not counting those of the `trusted` proxies.
    """

    def __init__(self, most: int, trusted: Sequence[IPNetwork]) -> None:
        self.most = most
        self._trusted = trusted
        self._counted: dict[Connection, str] = {}
        self._proxies: set[Connection] = set()
        self._by_block: Counter[str] = Counter()
        self._looking = False

    def protocol(self) -> type[asyncio.Protocol]:
        """What makes a connection of a socket, as uvicorn wants it."""
        return cast("type[asyncio.Protocol]", partial(Connection, self))

    def admit(self, connection: Connection) -> bool:
        """Whether there is a place, made if need be by ending the longest wait for a client."""
        if not self._looking:
            self._looking = True
            connection.loop.call_later(LOOK_EVERY_S, self._look, connection.loop)
        address = connection.client[0] if connection.client else ""
        if is_trusted(address, self._trusted):
            self._proxies.add(connection)
            return True
        if len(self._counted) >= self.most and not self._make_room():
            return False
        block = block_of(address)
        self._counted[connection] = block
        self._by_block[block] += 1
        return True

    def forget(self, connection: Connection) -> None:
        self._proxies.discard(connection)
        block = self._counted.pop(connection, None)
        if block is not None:
            self._by_block[block] -= 1
            if not self._by_block[block]:
                del self._by_block[block]

    def _make_room(self) -> bool:
        """End the connection that has waited longest for its client, of the address that has
        most: a crowd from one place pays for itself."""
        waits = [
            (-self._by_block[block], since, connection)
            for connection, block in self._counted.items()
            if (since := connection.waiting_since()) is not None
        ]
        if not waits:
            return False
        _, _, chosen = min(waits, key=lambda item: item[:2])
        self.forget(chosen)
        chosen.end()
        return True

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in (*self._counted, *self._proxies):
            if connection.overdue(now):
                connection.end()
        loop.call_later(LOOK_EVERY_S, self._look, loop)


_BODY = json.dumps(
    {
        "error": "too_many_connections",
        "message": "Too many connections are open; try again in a moment.",
        "details": None,
        "backtest_id": None,
    }
).encode()
_NO_PLACE = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


def places(wanted: int) -> int:
    """How many connections there may be, of `wanted`, once the descriptors are as many as may be.

    A service manager often gives 1,024 where the hard limit is a million.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY or hard - OTHER_DESCRIPTORS >= wanted:
        return wanted
    fewer = max(10, hard - OTHER_DESCRIPTORS)
    log.warning("few_descriptors limit=%d connections=%d wanted=%d", hard, fewer, wanted)
    return fewer


class Complaints:
    """The event loop's exception handler: says once a minute that no connection can be taken.

    asyncio says it once for each place in the listening queue, a hundred thousand times a minute.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_s = 0.0
        self._unsaid = 0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if "accept() out of system resource" not in context.get("message", ""):
            loop.default_exception_handler(context)
            return
        now = self._clock()
        if now < self._next_s:
            self._unsaid += 1
            return
        self._next_s = now + COMPLAIN_EVERY_S
        log.error(
            "no_descriptors_for_connections error=%s unsaid=%d",
            context.get("exception"),
            self._unsaid,
        )
        self._unsaid = 0
