"""Time zones by name, without their files."""

from __future__ import annotations

import zoneinfo

from sandbox.runtime.zones import all_zones


def test_every_zone_of_the_system_is_there_under_its_name() -> None:
    assert set(all_zones()) == zoneinfo.available_timezones()
    assert all(str(zone) == name for name, zone in all_zones().items())
