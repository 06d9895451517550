"""A progress bar for people at a terminal; for logs a plain line now and then, and at the end."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TextIO

WIDTH = 30
TERMINAL_SECONDS = 0.1
LOG_SECONDS = 10.0


class ProgressBar:
    """`show(done, total, note)` draws at most ten times a second; safe under threads."""

    def __init__(self, label: str, stream: TextIO) -> None:
        self._label = label
        self._stream = stream
        self._terminal = stream.isatty()
        self._every = TERMINAL_SECONDS if self._terminal else LOG_SECONDS
        self._shown = time.monotonic() if not self._terminal else 0.0
        self._lock = threading.Lock()
        self._drawn = 0
        self._unwritten = ""

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._terminal and self._drawn:
            self._stream.write("\r" + " " * self._drawn + "\r")
            self._stream.flush()
        elif self._unwritten:
            self._stream.write(self._unwritten + "\n")
            self._stream.flush()

    def show_bars(self, done: int, total: int) -> None:
        """How far a run is: when all its bars are done it is checked, for a while."""
        self.show(done, total, "checking for look-ahead" if 0 < total <= done else "")

    def show(self, done: int, total: int, note: str = "") -> None:
        """`total` 0 means that nobody knows how much there will be."""
        with self._lock:
            now = time.monotonic()
            text = f"{self._label} {_bar(done, total)} {note}".rstrip()
            if now - self._shown < self._every and not (self._terminal and 0 < total <= done):
                self._unwritten = "" if self._terminal else text
                return
            self._shown = now
            self._unwritten = ""
            if self._terminal:
                self._stream.write("\r" + text.ljust(self._drawn))
                self._drawn = len(text)
            else:
                self._stream.write(text + "\n")
            self._stream.flush()


def _bar(done: int, total: int) -> str:
    if total <= 0:
        return f"{done:,}"
    filled = min(WIDTH, WIDTH * done // total)
    return f"[{'#' * filled}{'.' * (WIDTH - filled)}] {done:,}/{total:,}"
