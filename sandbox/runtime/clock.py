"""The wall clock that libraries read: the bar's, once a strategy is loaded in this process.

`pd.Timestamp("now")`, `pd.to_datetime(["today"])` and the like end in `Timestamp.__new__`, `now` or
`today`, some deep inside pandas where no guard of ours stands; so these are replaced for the whole
process, and so is what numpy takes for "now" (`sandbox.runtime.borrowed_clock`). A child runs one
strategy; anywhere else the replacements ask the real clock.

In a child the interpreter's own `datetime.now()` goes too (`own_process`): pandas asks it for "now"
in a cast of texts to an aware dtype, and for the day of a time without a date.

What still tells the time of day: how long things take, to whoever counts. That is no secret, and a
strategy that trades on it fails its look-ahead check.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from sandbox.runtime import borrowed_clock

EPOCH = datetime(1970, 1, 1)

_now_ms: Callable[[], int] | None = None


def moment(milliseconds: int) -> datetime:
    """UTC datetime without tzinfo of an instant in ms since the epoch."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def show(now_ms: Callable[[], int] | None) -> None:
    """Let the libraries' clock stand at `now_ms()` from here on; None: at the real time again."""
    global _now_ms
    _now_ms = now_ms
    if pd.Timestamp.__new__ is not _new:
        for name, reader in _READERS.items():
            setattr(pd.Timestamp, name, classmethod(reader))
        pd.Timestamp.__new__ = _new
        # Where the system has no private place for functions for C (as under SELinux), or numpy's
        # library is laid out in another way, numpy keeps the machine's clock.
        with contextlib.suppress(OSError, MemoryError, ValueError, KeyError):
            borrowed_clock.set_numpy(lambda: _milliseconds() // 1000)


def own_process() -> None:
    """Show the bar's time also where the interpreter is asked: in a process of a strategy's own."""
    # A Python that keeps its types in another way keeps the machine's clock in these places.
    with contextlib.suppress(TypeError, ValueError):
        borrowed_clock.set_datetime(lambda: moment(_milliseconds()))


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000 if _now_ms is None else _now_ms()


def _now(cls: type, tz: Any = None) -> pd.Timestamp:
    instant = datetime.now(UTC) if _now_ms is None else moment(_now_ms()).replace(tzinfo=UTC)
    if tz is None:
        return pd.Timestamp(instant.replace(tzinfo=None))
    return pd.Timestamp(instant).tz_convert(tz)


def _utcnow(cls: type) -> pd.Timestamp:
    return _now(cls, "UTC")


_original_new = pd.Timestamp.__new__


def _new(cls: type, *items: Any, **named: Any) -> Any:
    given = items[0] if items else named.get("ts_input")
    if isinstance(given, str) and given in ("now", "today"):
        zone = named.get("tz", named.get("tzinfo"))
        return _now(cls, zone)
    return _original_new(cls, *items, **named)


_READERS: dict[str, Callable[..., pd.Timestamp]] = {
    "now": _now,
    "today": _now,
    "utcnow": _utcnow,
}
