"""A dialogue with a child that is fed: it is told a piece, answers, and is told the next.

Reading and writing block, which costs a bar some microseconds where polling costs tens; so a
thread beside watches the clocks and kills the child, which ends every wait.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Literal

from sandbox.crossing import wire

TICK_S = 0.1
_READ_BYTES = 1 << 16
# Of another process, by its id: clock ids of Linux, see clock_getcpuclockid(3).
_PROCESS_CLOCK = 2


class Hangup(Exception):
    """The talker has heard enough: end the child."""


class Line:
    """The two pipes of a dialogue. Every frame that is read is judged by the reader."""

    def __init__(self, result_fd: int, feed_fd: int, reader: wire.FrameReader) -> None:
        self.result_fd = result_fd
        self.feed_fd = feed_fd
        self._reader = reader
        self.received = reader.received

    def take(self, data: bytes) -> None:
        """Judge bytes that were read elsewhere. Raises WireError."""
        self._reader.feed(data)

    def until(self, heard: Callable[[wire.Received], bool]) -> bool:
        """Read until `heard` says so; False when the child ended, or told its end, before."""
        while not heard(self.received):
            if self.received.finished or self.received.error is not None:
                return False
            data = os.read(self.result_fd, _READ_BYTES)
            if not data:
                return False
            self._reader.feed(data)
        return True

    def write(self, *pieces: bytes | memoryview) -> None:
        """Hand all of it to the child. Raises BrokenPipeError when it has ended."""
        for piece in pieces:
            view = memoryview(piece).cast("B")
            while view:
                view = view[os.write(self.feed_fd, view) :]

    def hang_up(self) -> None:
        """Nothing more comes: the child reads an end. The descriptor stays the caller's."""
        # Its number must not be closed twice; an empty pipe without writers takes its place.
        read, write = os.pipe2(os.O_CLOEXEC)
        os.dup2(write, self.feed_fd, inheritable=False)
        os.close(read)
        os.close(write)


class Watchdog:
    """Kills the child at the deadline, when cancelled, or when a share of its CPU time is used.

    `share_s` bounds what the child may use from `next_share` on; None: nothing but its limit.
    """

    def __init__(
        self,
        pid: int,
        wall_s: float,
        *,
        kill: Callable[[Literal["timeout", "cancelled"]], None],
        cancelled: Callable[[], bool] | None,
        drain: Callable[[], None],
    ) -> None:
        self._pid = pid
        self._deadline = time.monotonic() + wall_s
        self._kill = kill
        self._cancelled = cancelled
        self._drain = drain
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._share_s: float | None = None
        self._used_s = 0.0
        self.share_used = False  # whether it killed because a share was used up

    def next_share(self, share_s: float) -> None:
        """From now on the child may use `share_s` of CPU time."""
        self._used_s = self._cpu_s()
        self._share_s = share_s

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(TICK_S):
            self._drain()
            if self._cancelled and self._cancelled():
                self._kill("cancelled")
                return
            if self._share_s is not None and self._cpu_s() - self._used_s > self._share_s:
                self.share_used = True
                self._kill("timeout")
                return
            if time.monotonic() >= self._deadline:
                self._kill("timeout")
                return

    def _cpu_s(self) -> float:
        used_s = cpu_s_of(self._pid)
        return self._used_s if used_s is None else used_s  # None: it has ended


def cpu_s_of(pid: int) -> float | None:
    """CPU seconds that a process has used; None when it has ended."""
    try:
        return time.clock_gettime((~pid << 3) | _PROCESS_CLOCK)
    except OSError:
        return None


Talk = Callable[[Line, Watchdog], None]
