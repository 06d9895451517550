"""The wall clock that pandas reads: the bar's, once a strategy is loaded in this process.

`pd.Timestamp("now")`, `pd.to_datetime(["today"])` and the like end in `Timestamp.__new__`, `now` or
`today`, some deep inside pandas where no guard of ours stands; so these are replaced for the whole
process. A child runs one strategy; anywhere else the replacements ask the real clock.

What still reads the machine's clock: "now" in numpy's own `datetime64` and in a cast of texts to
an aware dtype (refused where the source says `datetime64("now")`, not where the text is put
together at run time), and the day of a time without a date. None is a secret, and a strategy
that trades on one fails its look-ahead check.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

EPOCH = datetime(1970, 1, 1)

_now_ms: Callable[[], int] | None = None


def moment(milliseconds: int) -> datetime:
    """UTC datetime without tzinfo of an instant in ms since the epoch."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def show(now_ms: Callable[[], int] | None) -> None:
    """Let pandas' clock stand at `now_ms()` from here on; None gives it the real one back."""
    global _now_ms
    _now_ms = now_ms
    if pd.Timestamp.__new__ is not _new:
        for name, reader in _READERS.items():
            setattr(pd.Timestamp, name, classmethod(reader))
        pd.Timestamp.__new__ = _new


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
