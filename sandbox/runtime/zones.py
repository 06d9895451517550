"""Every time zone of the system, read before the fork: a child has no file to read one from."""

from __future__ import annotations

import functools
import zoneinfo


@functools.cache
def all_zones() -> dict[str, zoneinfo.ZoneInfo]:
    """Name -> zone."""
    return {name: zoneinfo.ZoneInfo(name) for name in sorted(zoneinfo.available_timezones())}
