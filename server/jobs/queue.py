"""The queue: who runs next, and what counts as the end of a run. The ledger behind the executor.

A run is claimed by a conditional update that counts its attempt. Whatever an executor reports
counts only while that attempt is in force, so that a run started twice ends once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from server.accounts.disk import over_quota
from server.accounts.users import get_user
from server.backtests.summary import error_document
from server.jobs.executor import Job, Outcome
from server.settings import Settings
from server.storage.db import Store, now_ms

MAX_ATTEMPTS = 3  # the first, and two more after the service died under it


@dataclass(frozen=True)
class Load:
    """How much waits and runs."""

    queued: int
    running: int


# Runs of a locked account wait until it is unlocked.
# Among the accounts that may start one more run, those with the fewest running come first, then
# the one whose turn is longest ago: an account with 500 waiting delays another by one run. Of an
# account's runs the oldest goes first, but those that the service died under go last: they may
# be what it died of, and kills that follow each other must not all hit the same run.
# Who waits is found by leaps through an index: what it costs to claim grows with the accounts
# that wait, and neither with their runs nor with all the runs that ever ended.
_NEXT = """
with recursive waiting (user_id) as (
    select min(user_id) from backtests where status = 'queued'
    union all
    select (
        select min(b.user_id) from backtests b
        where b.status = 'queued' and b.user_id > waiting.user_id
    )
    from waiting where waiting.user_id is not null
), candidates as materialized (
    select users.last_claim, coalesce(users.max_running, :max_running) as max_running,
    (
        select count(*) from backtests b where b.user_id = users.id and b.status = 'running'
    ) as running,
    (
        select (b.attempt << 40) + b.seq from backtests b
        where b.user_id = users.id and b.status = 'queued' order by b.attempt, b.seq limit 1
    ) as turn
    from waiting join users on users.id = waiting.user_id
    where users.disabled_at_ms is null
)
select turn & ((1 << 40) - 1) from candidates
where running < max_running order by running, last_claim, turn limit 1
"""


def claim(store: Store, settings: Settings) -> Job | None:
    """The next run, marked as running; None when nobody may start one."""
    with store.write() as db:
        while True:
            seq = store.value(_NEXT, max_running=settings.user_max_running)
            if seq is None:
                return None
            if not _fail_without_room(store, settings, seq):
                break
        db.conn.execute(
            "update backtests set status = 'running', attempt = attempt + 1, started_at_ms = ?,"
            " bars_done = 0, bars = 0 where seq = ? and status = 'queued'",
            [now_ms(), seq],
        )
        row = store.row(
            "select id, attempt, user_id, payload_sha256 from backtests where seq = ?", seq
        )
        assert row is not None
        db.conn.execute(
            "update users set last_claim = (select max(last_claim) + 1 from users) where id = ?",
            [row["user_id"]],
        )
        return Job(row["id"], row["attempt"], row["user_id"], row["payload_sha256"])


def _fail_without_room(store: Store, settings: Settings, seq: int) -> bool:
    """Whether the owner of a run that waits has used up what they may store.

    Then all that they have waiting fails with a sentence: none of it could be kept.
    """
    owner = get_user(store, store.value("select user_id from backtests where seq = ?", seq))
    reason = None if owner is None else over_quota(store, settings, owner)
    if owner is None or reason is None:
        return False
    error = error_document("output_limit", reason)
    with store.write() as db:
        db.conn.execute(
            "update backtests set status = 'failed', finished_at_ms = ?, error = ?"
            " where user_id = ? and status = 'queued'",
            [now_ms(), json.dumps(error), owner.id],
        )
    return True


def note_progress(
    store: Store, job: Job, bars_done: int, bars: int, equity: float, line: int | None = None
) -> None:
    """Write down how far the attempt in force is, and when it got there."""
    with store.write() as db:
        db.conn.execute(
            "update backtests set bar_at_ms = case"
            " when bars_done = ?1 and bar_at_ms >= started_at_ms then bar_at_ms else ?2 end,"
            " bars_done = ?1, bars = ?3, equity = ?4, line = ?5"
            " where id = ?6 and attempt = ?7 and status = 'running'",
            [bars_done, now_ms(), bars, equity, line, job.backtest_id, job.attempt],
        )


def finish(store: Store, job: Job, outcome: Outcome) -> bool:
    """Whether this was the first end of the attempt in force, and is therefore the run's."""
    with store.write() as db:
        cursor = db.conn.execute(
            "update backtests set status = ?, finished_at_ms = ?, bars_done = ?, bars = ?,"
            " error = ?, summary = ?, storage_bytes = ?, cache_bytes = ?"
            " where id = ? and attempt = ? and status = 'running'",
            [
                outcome.status,
                outcome.finished_at_ms,
                outcome.bars_done,
                outcome.bars,
                None if outcome.error is None else json.dumps(outcome.error),
                outcome.summary.to_json(),
                outcome.storage_bytes,
                outcome.cache_bytes,
                job.backtest_id,
                job.attempt,
            ],
        )
        return bool(cursor.rowcount)


def in_force(store: Store, job: Job) -> bool:
    """Whether an end of this attempt would count."""
    return bool(
        store.value(
            "select exists (select 1 from backtests"
            " where id = ? and attempt = ? and status = 'running')",
            job.backtest_id,
            job.attempt,
        )
    )


def release(store: Store, job: Job) -> None:
    """Put a run that was stopped for our own sake back, as if it had not been started."""
    with store.write() as db:
        db.conn.execute(
            "update backtests set attempt = attempt - 1, bars_done = 0,"
            " status = iif(cancel_requested, 'cancelled', 'queued'),"
            " finished_at_ms = iif(cancel_requested, ?, null),"
            " started_at_ms = iif(cancel_requested, started_at_ms, null)"
            " where id = ? and attempt = ? and status = 'running'",
            [now_ms(), job.backtest_id, job.attempt],
        )


def recover(store: Store) -> list[str]:
    """The runs that go back into the queue because the service died under them.

    Called before anything is claimed. A run that was started three times without an end is
    `interrupted`: it may be what brings the service down.
    """
    error = error_document(
        "interrupted",
        f"The service stopped under this run {MAX_ATTEMPTS} times; it is not tried again. Start it"
        " anew if you like.",
    )
    with store.write() as db:
        db.conn.execute(
            "update backtests set status = 'cancelled', finished_at_ms = ?"
            " where status = 'running' and cancel_requested = 1",
            [now_ms()],
        )
        db.conn.execute(
            "update backtests set status = 'failed', finished_at_ms = ?, error = ?"
            " where status = 'running' and attempt >= ?",
            [now_ms(), json.dumps(error), MAX_ATTEMPTS],
        )
        rows = store.rows("select id from backtests where status = 'running'")
        db.conn.execute(
            "update backtests set status = 'queued', started_at_ms = null, bars_done = 0"
            " where status = 'running'"
        )
        return [row["id"] for row in rows]


def load(store: Store) -> Load:
    """How many runs wait and how many run, of everybody."""
    counts = {
        row["status"]: row["n"]
        for row in store.rows(
            "select status, count(*) as n from backtests"
            " where status in ('queued', 'running') group by status"
        )
    }
    return Load(counts.get("queued", 0), counts.get("running", 0))


def cancelled_while_running(store: Store) -> list[str]:
    """Runs whose end was asked for and has not come yet."""
    rows = store.rows("select id from backtests where status = 'running' and cancel_requested = 1")
    return [row["id"] for row in rows]
