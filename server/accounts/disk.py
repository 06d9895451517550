"""The disk: what each account's things take of it, and what has to stay free.

Everything that an account leaves on the disk is counted here: results, their cache, code, and an
estimate for runs that have not ended. It is judged when a run is queued, when it is claimed, and
when its files are stored; and when code is saved.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from server.accounts.users import User, quota_of
from server.problems import TooMany, Unavailable
from server.settings import Settings
from server.storage.db import Store

MB = 1024 * 1024
# A run's row of portfolio.csv with the same numbers in the cache, and what every run leaves.
RUN_BYTES_PER_BAR = 160
RUN_BYTES = 16 * 1024

# `runs_bytes` is kept by triggers: results, caches and code of all of an account's runs.
_RUNS = """
select runs_bytes as stored, (
    select coalesce(sum(reserved_bytes), 0) from backtests
    where status in ('queued', 'running') and user_id = users.id
) as reserved
from users where id = ?
"""
# The same code saved again is stored once.
_CODE = """
select coalesce(sum(code_bytes), 0) from (
    select distinct v.source_sha256, v.code_bytes from strategies s
    join strategy_versions v on v.strategy_id = s.id where s.user_id = ?
)
"""


def storage_used(store: Store, owner: int) -> int:
    """Bytes of the owner's results, caches and code."""
    return _used(store, owner)[0]


def storage_claimed(store: Store, owner: int) -> int:
    """Bytes of the owner's results, caches and code, and those set aside for waiting runs."""
    return sum(_used(store, owner))


def run_estimate(bars: int, source: str) -> int:
    """Bytes to set aside for a run over so many bars; its code is stored with its result."""
    return RUN_BYTES + bars * RUN_BYTES_PER_BAR + len(source.encode())


def check_room(store: Store, settings: Settings, owner: User, more_bytes: int) -> None:
    """Raise TooMany unless `more_bytes` fit into the owner's quota, Unavailable when the disk has
    too little left for anybody's."""
    check_floor(settings)
    mb = quota_of(owner, settings, "max_storage_mb")
    used, reserved = _used(store, owner.id)
    if used + reserved + more_bytes <= mb * MB:
        return
    waiting = f" and your waiting runs about {reserved / MB:.1f} MB" if reserved else ""
    raise TooMany(
        f"Your results and code take {used / MB:.1f} MB{waiting}, this would take about"
        f" {more_bytes / MB:.1f} MB more, and all may take {mb} MB; delete some backtests.",
        retry_after_s=60,
        limit=mb,
        remaining=mb - math.ceil((used + reserved) / MB),
        word="storage_quota",
    )


def room_left(store: Store, settings: Settings, owner: User, backtest_id: str) -> int:
    """Bytes that a run's results may take, beside what is stored or set aside for others."""
    own = store.value("select reserved_bytes from backtests where id = ?", backtest_id) or 0
    quota = quota_of(owner, settings, "max_storage_mb") * MB
    return max(0, quota - storage_claimed(store, owner.id) + int(own))


def set_aside(store: Store, backtest_id: str, size: int) -> None:
    """Set aside at least `size` bytes for a run that has not ended; most had an estimate of more,
    and cost no write."""
    reserved = store.value("select reserved_bytes from backtests where id = ?", backtest_id)
    if reserved is not None and int(reserved) < size:
        with store.write() as db:
            db.execute("update backtests set reserved_bytes = ? where id = ?", (size, backtest_id))


def over_quota(store: Store, settings: Settings, owner: User) -> str | None:
    """Why nothing more of the owner's is run, when what is stored has reached the quota."""
    mb = quota_of(owner, settings, "max_storage_mb")
    used = storage_used(store, owner.id)
    if used < mb * MB:
        return None
    return (
        f"Your results and code take {used / MB:.1f} MB and may take {mb} MB: there is no room for"
        " another result. Delete some backtests, and run it again."
    )


def check_floor(settings: Settings) -> None:
    """Raise Unavailable when a disk has less left than is to stay free."""
    shortage = below_floor(settings)
    if shortage is not None:
        raise Unavailable(shortage, retry_after_s=60, word="disk_full")


def below_floor(settings: Settings) -> str | None:
    """What to say when a disk has less left than MIN_FREE_DISK_MB; None while none has."""
    for directory in _disks(settings):
        free_mb = free_bytes(directory) / MB
        if free_mb < settings.min_free_disk_mb:
            return (
                f"The service's disk is nearly full: {free_mb:,.0f} MB are left, and"
                f" {settings.min_free_disk_mb:,} MB stay free, so nothing new is stored; what was"
                " saved is safe. Delete some backtests, or tell an administrator."
            )
    return None


def free_bytes(directory: Path) -> int:
    """What is left on the disk that holds `directory`, for this user."""
    return shutil.disk_usage(directory).free


def _used(store: Store, owner: int) -> tuple[int, int]:
    """Bytes stored, and bytes set aside."""
    row = store.row(_RUNS, owner)
    if row is None:
        return 0, 0
    return int(row["stored"]) + int(store.value(_CODE, owner)), int(row["reserved"])


def _disks(settings: Settings) -> Iterator[Path]:
    """A directory on each disk that the service writes to."""
    seen: set[int] = set()
    for directory in (
        settings.results_directory,
        settings.cache_directory,
        settings.database.parent,
    ):
        device = os.stat(directory).st_dev
        if device not in seen:
            seen.add(device)
            yield directory
