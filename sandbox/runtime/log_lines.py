"""The lines of a run's log, each beginning with the time of the bar that it was written in."""

from __future__ import annotations

from datetime import UTC, datetime

# What stands in the place of a time on lines written before the first bar: there is none yet.
BEFORE_BARS = "initialize"


class LogLines:
    """Puts a time before each line of what is written in pieces.

    A piece need not be a line: it may hold several, or continue the one before it, which then
    keeps the time at which it was begun.
    """

    def __init__(self) -> None:
        self._within_line = False
        self._moment_ms: int | None = None
        self._lead = BEFORE_BARS

    def timed(self, text: str, moment_ms: int | None) -> str:
        """`text` with the time before each line that begins in it; None is before the bars."""
        if not text:
            return ""
        if moment_ms != self._moment_ms:
            self._moment_ms = moment_ms
            self._lead = BEFORE_BARS if moment_ms is None else _shown(moment_ms)
        lines = text.split("\n")
        unfinished = lines.pop()
        begun = self._within_line
        self._within_line = bool(unfinished) or (begun and not lines)
        parts = []
        for line in lines:
            parts.append(line if begun else self._begin(line))
            parts.append("\n")
            begun = False
        if unfinished:
            parts.append(unfinished if begun else self._begin(unfinished))
        return "".join(parts)

    def _begin(self, line: str) -> str:
        # An empty line is a time alone, without a blank at its end.
        return f"{self._lead} {line}" if line else self._lead


def _shown(moment_ms: int) -> str:
    return f"{datetime.fromtimestamp(moment_ms / 1000, UTC):%Y-%m-%d %H:%M}"
