"""Limits that a child notices itself, a moment before it is killed, to say where it was.

A courtesy, not a lock: whoever swallows the exception, or sits in C code, meets the kernel's and
the supervisor's SIGKILL.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Literal

REPEAT_S = 0.2
# Processor time between two looks at where the strategy is, whatever it is doing.
BEAT_S = 0.5

StopKind = Literal["cpu_limit", "timeout", "output_limit"]


class Stopped(BaseException):
    """A limit is reached. Not an Exception, so that no `except Exception` swallows it."""

    def __init__(self, kind: StopKind) -> None:
        super().__init__(kind)
        self.kind = kind


class Stops:
    """Turns SIGXCPU and SIGALRM into Stopped, except inside `held` and after `quiet`."""

    def __init__(self) -> None:
        self._held = 0
        self._pending: StopKind | None = None
        self._quiet = False
        self._asks = False
        self._cpu_until_s = self._wall_until_s = math.inf
        # Called every BEAT_S with the frame that runs; a bar of any length is told of by it.
        self.on_beat: Callable[[FrameType | None], None] | None = None

    def arm(self, wall_s: float, *, asks: bool = False) -> None:
        """Before the filter: it refuses to set a handler or a timer.

        One that `asks` stops nothing by itself: it looks every REPEAT_S whether the share that
        `next_share` gave is used up.
        """
        self._asks = asks
        signal.signal(signal.SIGXCPU, self._on_signal)
        signal.signal(signal.SIGALRM, self._on_signal)
        # Again and again, in case the first one is swallowed by some `__exit__` or `__del__`.
        signal.setitimer(signal.ITIMER_REAL, REPEAT_S if asks else wall_s, REPEAT_S)
        signal.signal(signal.SIGVTALRM, self._beat)
        signal.setitimer(signal.ITIMER_VIRTUAL, BEAT_S, BEAT_S)

    def next_share(self, cpu_s: float, wall_s: float) -> None:
        """From now on the limits are these."""
        self._cpu_until_s = time.process_time() + cpu_s
        self._wall_until_s = time.monotonic() + wall_s
        self._pending, self._quiet = None, False

    def quiet(self) -> None:
        """From now on only report."""
        self._quiet = True

    def __enter__(self) -> None:
        """Hold stops back: half a frame on the pipe would read as a forged one."""
        self._held += 1

    def __exit__(self, *_: object) -> None:
        self._held -= 1
        if self._pending is not None and not self._held and not self._quiet:
            kind, self._pending = self._pending, None
            raise Stopped(kind)

    def _beat(self, _: int, frame: FrameType | None) -> None:
        if self._held or self._quiet or self.on_beat is None:
            return
        # Between two steps of the strategy's: nothing of ours may raise into it but a stop.
        with suppress(Exception):
            self.on_beat(frame)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        kind: StopKind = "cpu_limit" if number == signal.SIGXCPU else "timeout"
        if self._quiet:
            return
        if self._asks and number == signal.SIGALRM:
            if time.process_time() >= self._cpu_until_s:
                kind = "cpu_limit"
            elif time.monotonic() < self._wall_until_s:
                return
        if self._held:
            self._pending = kind
            return
        raise Stopped(kind)
