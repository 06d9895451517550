"""Retention: ended runs that are older than the installation keeps them, removed a few at a time.

What somebody marked stays: a star, a note, or a link that still opens.
"""

from __future__ import annotations

import logging
import sqlite3

from engine.enums import DAY_MS
from server.accounts import audit
from server.backtests.removal import remove_run
from server.charts.run_tables import SeriesCache
from server.storage.artifacts import Artifacts
from server.storage.db import Store, now_ms
from server.storage.reserve import Reserve

log = logging.getLogger(__name__)

STEP = 20  # runs removed between two looks at the queue
REST_S = 60.0  # until the next look when nothing was left to remove

_EXPIRED = """
select b.id, b.user_id from backtests b indexed by backtests_ended
where b.finished_at_ms is not null and b.finished_at_ms < ?
    and b.status in ('completed', 'failed', 'cancelled') and b.starred = 0
    and not exists (select 1 from marks m where m.backtest_id = b.id and m.note <> '')
    and not exists (select 1 from shares s where s.backtest_id = b.id and s.expires_at_ms > ?)
order by b.finished_at_ms limit ?
"""


def remove_expired(
    store: Store,
    artifacts: Artifacts,
    series: SeriesCache,
    reserve: Reserve,
    days: int,
    limit: int = STEP,
) -> int:
    """How many runs that ended more than `days` ago were removed, the oldest first.

    A run that cannot be removed now stays whole for the next time.
    """
    now = now_ms()
    removed = 0
    for row in store.rows(_EXPIRED, now - days * DAY_MS, now, limit):
        try:
            remove_run(store, artifacts, reserve, row["user_id"], row["id"])
        except (OSError, sqlite3.Error) as error:
            log.error("not_removed backtest_id=%s error=%s", row["id"], error)
            continue
        series.forget(row["id"])
        log.info("removed_after_days backtest_id=%s days=%d", row["id"], days)
        removed += 1
    if removed:
        reserve.settle()
    return removed


class Retention:
    """The worker's share of it: does a little when asked, and rests when there is nothing."""

    def __init__(
        self,
        store: Store,
        artifacts: Artifacts,
        series: SeriesCache,
        reserve: Reserve,
        days: int | None,
    ) -> None:
        self._parts = (store, artifacts, series, reserve)
        self._days = days
        self._next_look = 0.0

    def step(self, now_s: float) -> None:
        """Remove up to STEP runs, unless it is resting. `now_s` is a clock that only goes on."""
        if now_s < self._next_look:
            return
        removed = 0
        try:
            audit.trim(self._parts[0])
            if self._days is not None:
                removed = remove_expired(*self._parts, self._days)
        except sqlite3.Error as error:
            log.error("retention_failed error=%s", error)
        self._next_look = now_s + (0.0 if removed == STEP else REST_S)
