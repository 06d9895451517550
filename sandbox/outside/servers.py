"""Which fork server the next run goes to: a warm one, replaced when it is old, odd or dead."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.outside.supervisor import Server, ServerLost


class Servers:
    """Keeps one fork server warm, a second while that grows old. Thread-safe.

    The first is started when it is first needed.
    """

    def __init__(self, python: str, recycle_after: int) -> None:
        self._python = python
        self._recycle_after = recycle_after
        self._lock = threading.Lock()
        self._current: Server | None = None
        self._standby: Server | None = None
        self.closed = False

    @contextmanager
    def lent(self) -> Iterator[Server]:
        """A live, warm fork server, which is not ended meanwhile. Raises ServerLost."""
        server = self._take()
        try:
            yield server
        finally:
            self._give_back(server)

    def retire(self, server: Server) -> None:
        """It did something odd: no new runs go there."""
        with self._lock:
            self._leave(server)

    def close(self) -> None:
        """End all of them, and with them every child."""
        with self._lock:
            self.closed = True
            for server in (self._current, self._standby):
                if server is not None:
                    server.close()
            self._current = self._standby = None

    def _take(self) -> Server:
        with self._lock:
            if self.closed:
                raise ServerLost("the sandbox is closed")
            if self._current is not None and not self._current.alive:
                self._leave(self._current)
            if self._current is None:
                self._current, self._standby = self._standby or Server(self._python), None
            server = self._current
            if not server.ready():
                self._leave(server)
                server.kill()
                raise ServerLost("the fork server did not become ready")
            if server.runs >= self._recycle_after:
                server = self._fresh_in_place_of(server)
            server.in_flight += 1
            return server

    def _fresh_in_place_of(self, old: Server) -> Server:
        """The fresh one once it is warm; until then the old one serves on."""
        if self._standby is None:
            self._standby = Server(self._python)
        try:
            if not self._standby.ready(timeout_s=0):
                return old
        except ServerLost:
            self._standby = None
            return old
        self._leave(old)
        self._current, self._standby = self._standby, None
        return self._current

    def _give_back(self, server: Server) -> None:
        with self._lock:
            server.in_flight -= 1
            if server.retired and server.in_flight == 0:
                server.kill()

    def _leave(self, server: Server) -> None:
        """Ended at once when nobody uses it, else by the last who gives it back."""
        server.retired = True
        if self._current is server:
            self._current = None
        if server.in_flight == 0:
            server.kill()
